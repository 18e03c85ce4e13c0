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

/** A reader for a writer's schema, which may hold any long. Unions come out unwrapped where they are unambiguous. */
export function readerType(schema: avro.Schema): avro.Type {
  return avro.Type.forSchema(schema, { registry: { long: longAsNumber }, wrapUnions: 'auto' })
}

/** A writer for our own schemas, whose longs are all below 2^53. */
export function writerType(schema: unknown): avro.Type {
  return avro.Type.forSchema(schema as avro.Schema)
}
