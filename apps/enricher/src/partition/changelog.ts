/**
 * The changelog of a partition's state: what its keys and values look like. The kinds of entry, told apart by the key:
 * `d:<device_id>` holds the device's state bytes; `p:<device_id>:<offset>` holds a measurement that waits for its device,
 * as its original record; `i:<chunk>` which rows of 8,192 were taken in, and `i` which are forgotten (SeenRows); `r` how
 * many records were refused lately (Refusals). A null value removes the entry.
 */
export type ChangelogKey =
  | { readonly kind: 'refused' }
  | { readonly kind: 'rows-edge' }
  | { readonly kind: 'rows'; readonly chunk: number }
  | { readonly kind: 'device'; readonly deviceId: string }
  | { readonly kind: 'parked'; readonly deviceId: string; readonly offset: number }

export function deviceKey(deviceId: string): Buffer {
  return Buffer.from(`d:${deviceId}`)
}

export function parkedKey(deviceId: string, offset: number): Buffer {
  return Buffer.from(`p:${deviceId}:${offset}`)
}

export function rowsKey(chunk: number): Buffer {
  return Buffer.from(`i:${chunk}`)
}

export const rowsEdgeKey = Buffer.from('i')
export const refusedKey = Buffer.from('r')

/** Null for a key this version does not know. */
export function parseChangelogKey(key: Buffer): ChangelogKey | null {
  const text = key.toString()
  if (text === 'r') return { kind: 'refused' }
  if (text === 'i') return { kind: 'rows-edge' }
  if (/^i:\d+$/.test(text)) return { kind: 'rows', chunk: Number(text.slice(2)) }
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
  /** How often it was refused before; above zero only for one that a replay of dead letters wrote. */
  readonly attempts: number
}

/** One that waits for its device. */
export interface ParkedRecord extends RawRecord {
  /** `raw_measurements.id`, so that a refusal can take back that the row was taken in; null where it was not noted. */
  readonly rowId: number | null
}

const noKey = 0xff_ffff
/** The first byte of the present form is 0x80 and the attempts; an earlier one began with a u32 length of the key. */
const attemptsKeptMax = 0x7e
const keyAt = 12

/** u8 0x80 + attempts, u24 length of the key (all ones: none), f64 row id, key, value. */
export function encodeParked({ key, value, attempts, rowId }: ParkedRecord): Buffer {
  const header = Buffer.alloc(keyAt)
  header.writeUInt8(0x80 + Math.min(attempts, attemptsKeptMax))
  header.writeUIntBE(key === null ? noKey : key.length, 1, 3)
  header.writeDoubleBE(rowId ?? Number.NaN, 4)
  return Buffer.concat([header, key ?? Buffer.alloc(0), value])
}

export function decodeParked(bytes: Buffer, offset: number): ParkedRecord {
  const first = bytes.readUInt8(0)
  const isFormer = first < 0x80 || first > 0x80 + attemptsKeptMax
  const keyLength = bytes.readUIntBE(1, 3)
  const from = isFormer ? 4 : keyAt
  const valueAt = from + (keyLength === noKey ? 0 : keyLength)
  const id = isFormer ? Number.NaN : bytes.readDoubleBE(4)
  return {
    key: keyLength === noKey ? null : bytes.subarray(from, valueAt),
    value: bytes.subarray(valueAt),
    offset,
    attempts: isFormer ? 0 : first - 0x80,
    rowId: Number.isNaN(id) ? null : id,
  }
}
