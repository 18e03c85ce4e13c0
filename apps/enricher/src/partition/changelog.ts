/**
 * The changelog of a partition's state: what its keys and values look like. Three kinds of entry, told apart by the key:
 * `d:<device_id>` holds the device's state bytes; `p:<device_id>:<offset>` holds a measurement that waits for its device,
 * as its original record; `r` the number of records refused in a row (u32). A null value removes the entry.
 */
export type ChangelogKey =
  | { readonly kind: 'refused' }
  | { readonly kind: 'device'; readonly deviceId: string }
  | { readonly kind: 'parked'; readonly deviceId: string; readonly offset: number }

export function deviceKey(deviceId: string): Buffer {
  return Buffer.from(`d:${deviceId}`)
}

export function parkedKey(deviceId: string, offset: number): Buffer {
  return Buffer.from(`p:${deviceId}:${offset}`)
}

export const refusedKey = Buffer.from('r')

/** Null for a key this version does not know. */
export function parseChangelogKey(key: Buffer): ChangelogKey | null {
  const text = key.toString()
  if (text === 'r') return { kind: 'refused' }
  if (text.startsWith('d:')) return { kind: 'device', deviceId: text.slice(2) }
  const colon = text.lastIndexOf(':')
  const offset = Number(text.slice(colon + 1))
  if (!text.startsWith('p:') || colon < 2 || !Number.isSafeInteger(offset)) return null
  return { kind: 'parked', deviceId: text.slice(2, colon), offset }
}

/** A record as it came from the raw topic. */
export interface RawRecord {
  readonly key: Buffer | null
  readonly value: Buffer
  readonly offset: number
}

/** u32 length of the key (0xffffffff: none), key, value. */
export function encodeRawRecord({ key, value }: RawRecord): Buffer {
  const header = Buffer.alloc(4)
  header.writeUInt32BE(key === null ? 0xffff_ffff : key.length)
  return Buffer.concat([header, key ?? Buffer.alloc(0), value])
}

export function decodeRawRecord(bytes: Buffer, offset: number): RawRecord {
  const keyLength = bytes.readUInt32BE(0)
  if (keyLength === 0xffff_ffff) return { key: null, value: bytes.subarray(4), offset }
  return { key: bytes.subarray(4, 4 + keyLength), value: bytes.subarray(4 + keyLength), offset }
}
