import avro from 'avsc'
import { blockCount, BoundedArray, type Tap } from './bounded-collections.ts'

/**
 * Floats as they lie in Avro: 4 bytes, little endian, which is also how every processor that Node has builds for keeps them, but for
 * one that nobody runs this on.
 */
const floatBytes = 4
const missing = 0x7fc0_0000
/** A small typed array has its memory allocated one by one; parts of a page cost a quarter of that. */
const pageFloats = 65_536

let page: Uint32Array = new Uint32Array(pageFloats)
let pageUsed = 0

/** Room for `count` floats, to be written as words. A page goes when nobody holds a part of it any more. */
function takeWords(count: number): Uint32Array {
  if (pageUsed + count > page.length) {
    page = new Uint32Array(Math.max(pageFloats, count))
    pageUsed = 0
  }
  const words = page.subarray(pageUsed, pageUsed + count)
  pageUsed += count
  return words
}

/** The writer of an array of floats: a Float32Array goes in as it is. */
export class FloatArray extends BoundedArray {
  _write(tap: Tap, value: unknown): void {
    if (!(value instanceof Float32Array)) {
      list._write.call(this, tap, value)
      return
    }
    if (value.length > 0) {
      tap.writeLong(value.length)
      const end = tap.pos + value.byteLength
      // Beyond the end nothing is written; avsc looks at the position afterwards and makes the buffer larger.
      if (end <= tap.buf.length) {
        tap.buf.set(new Uint8Array(value.buffer, value.byteOffset, value.byteLength), tap.pos)
      }
      tap.pos = end
    }
    tap.writeLong(0)
  }
}

interface ListWriter {
  _write(tap: Tap, value: unknown): void
}

const list = avro.types.ArrayType.prototype as unknown as ListWriter

interface Resolver {
  _read: (tap: Tap) => Float32Array
}

/**
 * An array of floats, or of floats and nulls, as a Float32Array with NaN for null: half the time of a list of numbers, and
 * a writer takes it as it is. Only in projections, which ask for it with `packed: true`.
 */
export class PackedFloats extends BoundedArray {
  _update(resolver: Resolver, written: avro.Type): void {
    const items = (written as Partial<avro.types.ArrayType>).itemsType
    const branches = (items as { readonly types?: readonly avro.Type[] } | undefined)?.types
    const names = (branches ?? []).map(({ typeName }) => typeName)
    const isNullable = names.length === 2 && names.includes('null') && names.includes('float')
    if (items?.typeName !== 'float' && !isNullable) throw new Error('it is no array of floats')
    const floatByte = names.indexOf('float') * 2
    resolver._read = (tap) => readBlocks(tap, isNullable ? floatByte : null)
  }
}

/** @param floatByte what stands before a float that is not null; null: nothing ever is, and nothing stands there */
function readBlocks(tap: Tap, floatByte: number | null): Float32Array {
  let words: Uint32Array = new Uint32Array(0)
  for (let count = blockCount(tap); count > 0; count = blockCount(tap)) {
    const block = takeWords(count)
    if (floatByte === null) readFloats(tap, block)
    else readNullableFloats(tap, block, floatByte)
    words = words.length === 0 ? block : Uint32Array.of(...words, ...block)
  }
  return new Float32Array(words.buffer, words.byteOffset, words.length)
}

function readFloats(tap: Tap, words: Uint32Array): void {
  const end = tap.pos + words.byteLength
  if (end > tap.buf.length) throw new Error('an array runs past the end')
  new Uint8Array(words.buffer, words.byteOffset, words.byteLength).set(
    tap.buf.subarray(tap.pos, end),
  )
  tap.pos = end
}

function readNullableFloats(tap: Tap, words: Uint32Array, floatByte: number): void {
  const { buf } = tap
  let at = tap.pos
  for (let i = 0; i < words.length; i++) {
    const branch = buf[at++]
    if (branch === floatByte) {
      words[i] =
        (buf[at] ?? 0) |
        ((buf[at + 1] ?? 0) << 8) |
        ((buf[at + 2] ?? 0) << 16) |
        ((buf[at + 3] ?? 0) << 24)
      at += floatBytes
    } else if (branch === 2 - floatByte) words[i] = missing
    else throw new Error('a value of an array is neither a float nor null')
  }
  if (at > buf.length) throw new Error('an array runs past the end')
  tap.pos = at
}
