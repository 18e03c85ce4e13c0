import avro from 'avsc'
import {
  BoundedArray,
  BoundedMap,
  readMap,
  type ReadableType,
  type Tap,
} from './bounded-collections.ts'
import { FloatArray, PackedFloats } from './packed-floats.ts'

/**
 * 64-bit integers as JavaScript numbers. Debezium's `source.ts_ns` is beyond 2^53, where avsc's own long throws; nothing
 * here reads it, so it may lose its last digits. Every other long (LSN, offset, epoch) is far below 2^53.
 */
class LongAsNumber extends avro.types.LongType {
  _read(tap: Tap): number {
    const { buf } = tap
    const first = buf[tap.pos++] ?? 0
    let value = first & 0x7f
    let unit = 128
    for (let byte = first; byte >= 0x80; unit *= 128) {
      if (unit > longUnitMax) throw new Error('a long has more than ten bytes')
      byte = buf[tap.pos++] ?? 0
      value += (byte & 0x7f) * unit
    }
    // The sign is the lowest bit, which a large sum may have lost.
    return (first & 1) === 0 ? value / 2 : -(value + 1) / 2
  }
}

/** What the tenth byte of a 64-bit integer counts. */
const longUnitMax = 128 ** 9

const knownTextsMax = 4_096
const knownTextBytesMax = 32

/**
 * Texts that come again and again, as names of devices, types and levels do: each is made once, and all records share it. A place
 * of the table belongs to whatever came last with its hash.
 */
class RepeatedText extends avro.types.StringType {
  _read(tap: Tap): string | undefined {
    const { buf, pos } = tap
    const length = tap.readLong()
    const [start, end] = [tap.pos, tap.pos + length]
    if (length <= 0 || length > knownTextBytesMax || end > buf.length) {
      tap.pos = pos
      return tap.readString()
    }
    let hash = length
    for (let at = start; at < end; at += 1) hash = (Math.imul(hash, 31) + (buf[at] ?? 0)) | 0
    const place = (hash ^ (hash >>> 12)) & (knownTextsMax - 1)
    const known = knownTexts[place]
    if (known !== undefined && isText(known, buf, start, end)) {
      tap.pos = end
      return known
    }
    tap.pos = pos
    const text = tap.readString()
    knownTexts[place] = text
    return text
  }
}

const knownTexts: (string | undefined)[] = Array.from({ length: knownTextsMax })

/** A text that is not ASCII never is what lies there. */
function isText(text: string, buf: Buffer, start: number, end: number): boolean {
  if (text.length !== end - start) return false
  for (let at = start; at < end; at += 1) {
    const byte = buf[at] ?? 0
    if (byte >= 0x80 || text.charCodeAt(at - start) !== byte) return false
  }
  return true
}

const repeatedText = new RepeatedText()

/** A map whose keys are such texts. */
class RepeatedKeys extends BoundedMap {
  override _read(tap: Tap): Record<string, unknown> {
    return readMap(tap, this.valuesType as ReadableType, repeatedText)
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

function isArray(schema: avro.Schema): schema is avro.schema.ArrayType {
  return typeOf(schema) === 'array'
}

/** What an object says of its type; undefined for a name and for a union. */
function typeOf(schema: avro.Schema): unknown {
  const isObject = typeof schema === 'object' && !Array.isArray(schema)
  return isObject && 'type' in schema ? schema.type : undefined
}

/** A reader for a writer's schema, which may hold any long. Unions come out unwrapped where they are unambiguous. */
export function readerType(schema: avro.Schema): avro.Type {
  return avro.Type.forSchema(schema, {
    registry: { long: new LongAsNumber() },
    wrapUnions: 'auto',
    typeHook: boundedCollections,
  })
}

/**
 * The same for hot loops over few devices: texts that come again are made once, but for those marked `distinct`, which never do and would
 * take the place of others, and arrays marked `packed` are Float32Arrays.
 */
export function projectionType(schema: avro.Schema): avro.Type {
  return avro.Type.forSchema(schema, {
    registry: { long: new LongAsNumber(), string: repeatedText },
    wrapUnions: 'auto',
    typeHook: (part, options) => {
      if (isArray(part) && 'packed' in part) return new PackedFloats(part, options)
      if (typeOf(part) === 'map') return new RepeatedKeys(part, options)
      const isDistinct = typeOf(part) === 'string' && 'distinct' in (part as object)
      if (isDistinct) return new avro.types.StringType()
      return boundedCollections(part, options)
    },
  })
}

/** A writer for our own schemas, whose longs are all below 2^53. */
export function writerType(schema: unknown): avro.Type {
  return avro.Type.forSchema(schema as avro.Schema, {
    typeHook: (part, options) =>
      isArray(part) && part.items === 'float' ? new FloatArray(part, options) : undefined,
  })
}
