import avro from 'avsc'

/** The part of avsc's cursor that is used here. */
interface Tap {
  readonly buf: Buffer
  pos: number
  readLong(): number
  readString(): string | undefined
  skipLong(): void
  skipString(): void
}

/**
 * 64-bit integers as JavaScript numbers. Debezium's `source.ts_ns` is beyond 2^53, where avsc's own long throws; nothing
 * here reads it, so it may lose its last digits. Every other long (LSN, offset, epoch) is far below 2^53.
 */
class LongAsNumber extends avro.types.LongType {
  _read(tap: Tap): number {
    const isNegative = ((tap.buf[tap.pos] ?? 0) & 1) === 1
    const value = Math.abs(tap.readLong())
    return isNegative ? -value : value
  }
}

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

/** Bytes of the types that always have as many. */
const fixedBytes: Readonly<Record<string, number>> = { float: 4, double: 8 }

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
    const itemBytes = fixedBytes[this.itemsType.typeName]
    for (let count = blockCount(tap); count > 0; count = blockCount(tap)) {
      if (itemBytes !== undefined) tap.pos += count * itemBytes
      else for (let n = 0; n < count; n++) items._skip(tap)
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
    registry: { long: new LongAsNumber() },
    wrapUnions: 'auto',
    typeHook: boundedCollections,
  })
}

/** The same for hot loops over few devices: texts that come again are made once. */
export function projectionType(schema: avro.Schema): avro.Type {
  return avro.Type.forSchema(schema, {
    registry: { long: new LongAsNumber(), string: new RepeatedText() },
    wrapUnions: 'auto',
    typeHook: boundedCollections,
  })
}

/** A writer for our own schemas, whose longs are all below 2^53. */
export function writerType(schema: unknown): avro.Type {
  return avro.Type.forSchema(schema as avro.Schema)
}
