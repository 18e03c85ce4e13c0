import type avro from 'avsc'
import { FaultlineError, messageOf } from '../errors/index.ts'
import { projectionType, writerType } from './avro-types.ts'
import type { SchemaRegistry } from './schema-registry.ts'
import { headerBytes, schemaIdOf, writeHeader } from './wire-format.ts'

/** Decodes a value in the Confluent wire format with the schema it was written with. */
export type Decode = (value: Buffer) => Promise<unknown>

/**
 * @throws FaultlineError RECORD_UNDECODABLE (not the wire format, or the body does not fit the schema), SCHEMA_UNKNOWN,
 * REGISTRY_UNAVAILABLE
 */
export function createDecoder(registry: SchemaRegistry): Decode {
  return async (value) => {
    const id = schemaIdOf(value)
    if (id === null) throw notWireFormat()
    const type = registry.knownReader(id) ?? (await registry.reader(id))
    return decodeBody(type, value)
  }
}

/** The same without waiting, for hot loops: undefined when the schema has to be asked for first. */
export function decodeKnown(
  registry: SchemaRegistry,
  value: Buffer,
): { readonly value: unknown } | undefined {
  const id = schemaIdOf(value)
  const type = id === null ? undefined : registry.knownReader(id)
  return type === undefined ? undefined : { value: decodeBody(type, value) }
}

/** Decodes some fields of a value; what is skipped costs little, and must have its place in the bytes all the same. */
export interface Projection {
  /** Without waiting: undefined when the schema has to be asked for first. Throws like `later`. */
  readonly now: (value: Buffer) => { readonly value: unknown } | undefined
  /** @throws FaultlineError as createDecoder; RECORD_UNDECODABLE also where the fields are not in the value's schema */
  readonly later: Decode
}

/** @param schema the fields to read, an Avro record of the name that the values have */
export function createProjection(registry: SchemaRegistry, schema: unknown): Projection {
  const target = projectionType(schema as avro.Schema)
  const resolvers = new WeakMap<avro.Type, avro.Resolver>()
  const decode = (written: avro.Type, value: Buffer): unknown => {
    try {
      const resolver = resolvers.get(written) ?? target.createResolver(written)
      resolvers.set(written, resolver)
      return target.fromBuffer(value.subarray(headerBytes), resolver) as unknown
    } catch (error) {
      throw undecodable(error)
    }
  }
  return {
    now: (value) => {
      const id = schemaIdOf(value)
      const written = id === null ? undefined : registry.knownReader(id)
      return written === undefined ? undefined : { value: decode(written, value) }
    },
    later: async (value) => {
      const id = schemaIdOf(value)
      if (id === null) throw notWireFormat()
      return decode(await registry.reader(id), value)
    },
  }
}

function decodeBody(type: avro.Type, value: Buffer): unknown {
  try {
    return type.fromBuffer(value.subarray(headerBytes)) as unknown
  } catch (error) {
    throw undecodable(error)
  }
}

function undecodable(error: unknown): FaultlineError {
  return new FaultlineError(
    'RECORD_UNDECODABLE',
    `the body does not fit its schema: ${messageOf(error)}`,
    { cause: error },
  )
}

function notWireFormat(): FaultlineError {
  return new FaultlineError('RECORD_UNDECODABLE', 'the value is not in the Confluent wire format')
}

/** Encodes values of one of our schemas, into a buffer of their own. */
export type Encode<T> = (value: T) => Buffer

const firstBufferBytes = 16_384

/** Registers `schema` under `<topic>-value` and returns its encoder. @throws FaultlineError REGISTRY_UNAVAILABLE */
export async function createEncoder<T>(
  registry: SchemaRegistry,
  topic: string,
  schema: unknown,
): Promise<Encode<T>> {
  const schemaId = await registry.register(`${topic}-value`, schema)
  const type = writerType(schema)
  let scratch = Buffer.allocUnsafe(firstBufferBytes)
  return (value) => {
    let end = type.encode(value, scratch, headerBytes)
    if (end < 0) {
      // avsc answers with minus the number of bytes missing.
      scratch = Buffer.allocUnsafe((scratch.length - end) * 2)
      end = type.encode(value, scratch, headerBytes)
    }
    writeHeader(scratch, schemaId)
    return Buffer.from(scratch.subarray(0, end))
  }
}
