import avro from 'avsc'

/** The part of avsc's cursor that is used here. */
export interface Tap {
  readonly buf: Buffer
  pos: number
  readLong(): number
  readString(): string | undefined
  skipLong(): void
  skipString(): void
  writeLong(value: number): void
}

export interface ReadableType {
  _read(tap: Tap): unknown
  _skip(tap: Tap): void
}

/**
 * Reads a block's item count. avsc believes it: a few wrong bytes claim four thousand million items and the process hangs.
 * No block can hold more items than bytes are left, since every item that Debezium or we write takes at least one.
 */
export function blockCount(tap: Tap): number {
  let count = tap.readLong()
  if (count < 0) {
    count = -count
    tap.skipLong()
  }
  if (count > tap.buf.length - tap.pos) throw new Error('a block claims more items than bytes')
  return count
}

/** Bytes of the types that always have as many. */
const fixedBytes: Readonly<Record<string, number>> = { float: 4, double: 8 }

export class BoundedArray extends avro.types.ArrayType {
  _read(tap: Tap): unknown[] {
    const items = this.itemsType as unknown as ReadableType
    const read: unknown[] = []
    for (let count = blockCount(tap); count > 0; count = blockCount(tap)) {
      for (let n = 0; n < count; n++) read.push(items._read(tap))
    }
    return read
  }

  _skip(tap: Tap): void {
    const items = this.itemsType as unknown as ReadableType
    const itemBytes = fixedBytes[this.itemsType.typeName]
    for (let count = blockCount(tap); count > 0; count = blockCount(tap)) {
      if (itemBytes !== undefined) tap.pos += count * itemBytes
      else for (let n = 0; n < count; n++) items._skip(tap)
    }
  }
}

/** Reads a map whose keys `keys` reads. */
export function readMap(
  tap: Tap,
  values: ReadableType,
  keys: { _read(tap: Tap): string | undefined },
): Record<string, unknown> {
  const read: Record<string, unknown> = {}
  for (let count = blockCount(tap); count > 0; count = blockCount(tap)) {
    for (let n = 0; n < count; n++) {
      const key = keys._read(tap)
      if (key === undefined || key === '__proto__') throw new Error('a map key is not readable')
      read[key] = values._read(tap)
    }
  }
  return read
}

const plainText = { _read: (tap: Tap) => tap.readString() }

export class BoundedMap extends avro.types.MapType {
  _read(tap: Tap): Record<string, unknown> {
    const values: unknown = this.valuesType
    return readMap(tap, values as ReadableType, plainText)
  }

  _skip(tap: Tap): void {
    const values = this.valuesType as unknown as ReadableType
    for (let count = blockCount(tap); count > 0; count = blockCount(tap)) {
      for (let n = 0; n < count; n++) {
        tap.skipString()
        values._skip(tap)
      }
    }
  }
}
