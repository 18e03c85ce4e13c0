import avro from 'avsc'

/**
 * 64-bit integers as JavaScript numbers. Debezium's `source.ts_ns` is beyond 2^53, where avsc's own long throws; nothing
 * here reads it, so it may lose its last digits. Every other long (LSN, offset, epoch) is far below 2^53.
 */
const longAsNumber = avro.types.LongType.__with({
  fromBuffer: (buffer: Buffer) => buffer.readInt32LE(4) * 4_294_967_296 + buffer.readUInt32LE(0),
  toBuffer: (value: number) => {
    const buffer = Buffer.alloc(8)
    buffer.writeBigInt64LE(BigInt(value))
    return buffer
  },
  fromJSON: Number,
  toJSON: Number,
  isValid: (value: unknown) => typeof value === 'number' && Number.isInteger(value),
  compare: (a: number, b: number) => (a === b ? 0 : a < b ? -1 : 1),
})

/** The part of avsc's cursor that is used here. */
interface Tap {
  readonly buf: Buffer
  readonly pos: number
  readLong(): number
  readString(): string | undefined
  skipLong(): void
  skipString(): void
}

interface ReadableType {
  _read(tap: Tap): unknown
  _skip(tap: Tap): void
}

/**
 * Reads a block's item count. avsc believes it: a few wrong bytes claim four thousand million items and the process hangs.
 * No block can hold more items than bytes are left, since every item that Debezium or we write takes at least one.
 */
function blockCount(tap: Tap): number {
  let count = tap.readLong()
  if (count < 0) {
    count = -count
    tap.skipLong()
  }
  if (count > tap.buf.length - tap.pos) throw new Error('a block claims more items than bytes')
  return count
}

class BoundedArray extends avro.types.ArrayType {
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
    for (let count = blockCount(tap); count > 0; count = blockCount(tap)) {
      for (let n = 0; n < count; n++) items._skip(tap)
    }
  }
}

class BoundedMap extends avro.types.MapType {
  _read(tap: Tap): Record<string, unknown> {
    const values = this.valuesType as unknown as ReadableType
    const read: Record<string, unknown> = {}
    for (let count = blockCount(tap); count > 0; count = blockCount(tap)) {
      for (let n = 0; n < count; n++) {
        const key = tap.readString()
        if (key === undefined || key === '__proto__') throw new Error('a map key is not readable')
        read[key] = values._read(tap)
      }
    }
    return read
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

/** Puts our reading of arrays and maps, bounded by the record's size, in the place of avsc's. */
function boundedCollections(
  schema: avro.Schema,
  options: avro.ForSchemaOptions,
): avro.Type | undefined {
  if (typeof schema !== 'object' || Array.isArray(schema) || !('type' in schema)) return undefined
  if (schema.type === 'array') return new BoundedArray(schema, options)
  if (schema.type === 'map') return new BoundedMap(schema, options)
  return undefined
}

/** A reader for a writer's schema, which may hold any long. Unions come out unwrapped where they are unambiguous. */
export function readerType(schema: avro.Schema): avro.Type {
  return avro.Type.forSchema(schema, {
    registry: { long: longAsNumber },
    wrapUnions: 'auto',
    typeHook: boundedCollections,
  })
}

/** A writer for our own schemas, whose longs are all below 2^53. */
export function writerType(schema: unknown): avro.Type {
  return avro.Type.forSchema(schema as avro.Schema)
}
