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

/**
 * @param schema the fields to read, an Avro record of the name that the values have, in any namespace
 * @param otherwise what becomes of values whose schema does not have the fields as they are wanted
 */
export function createProjection(
  registry: SchemaRegistry,
  schema: unknown,
  otherwise: 'refuse' | 'decode whole' = 'refuse',
): Projection {
  const target = projectionType(schema as avro.Schema)
  const resolvers = new WeakMap<avro.Type, avro.Resolver | Error>()
  const decode = (written: avro.Type, value: Buffer): unknown => {
    let resolver = resolvers.get(written)
    if (resolver === undefined) {
      resolver = resolverOf(target, written)
      resolvers.set(written, resolver)
    }
    if (resolver instanceof Error) {
      if (otherwise === 'decode whole') return decodeBody(written, value)
      throw undecodable(resolver)
    }
    try {
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

/** An option that avsc has and does not declare. */
interface ShortNamesType {
  createResolver(written: avro.Type, options: { readonly ignoreNamespaces: true }): avro.Resolver
}

function resolverOf(target: avro.Type, written: avro.Type): avro.Resolver | Error {
  try {
    return (target as ShortNamesType).createResolver(written, { ignoreNamespaces: true })
  } catch (error) {
    return error instanceof Error ? error : new Error(messageOf(error))
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

/** Encodes values of one of our schemas. The bytes are part of a page that lives as long as any part of it. */
export type Encode<T> = (value: T) => Buffer

/** A buffer for each value would cost as much again as encoding it. */
const pageBytes = 262_144

/** Registers `schema` under `<topic>-value` and returns its encoder. @throws FaultlineError REGISTRY_UNAVAILABLE */
export async function createEncoder<T>(
  registry: SchemaRegistry,
  topic: string,
  schema: unknown,
): Promise<Encode<T>> {
  const schemaId = await registry.register(`${topic}-value`, schema)
  const type = writerType(schema)
  let page = Buffer.allocUnsafeSlow(pageBytes)
  let used = 0
  return (value) => {
    // avsc answers with minus the number of bytes missing.
    let end = type.encode(value, page, used + headerBytes)
    if (end < 0) {
      page = Buffer.allocUnsafeSlow(Math.max(pageBytes, page.length - used - end))
      used = 0
      end = type.encode(value, page, headerBytes)
    }
    const encoded = page.subarray(used, end)
    writeHeader(encoded, schemaId)
    used = end
    return encoded
  }
}
