/** Kafka's variable-length integers: zigzag, seven bits a byte, the lowest first. Whole numbers within 2^52 either way. */

export interface Cursor {
  readonly bytes: Buffer
  at: number
}

const bitsInByte = 7
/** Above this the bitwise operators of JavaScript, which have 32 bits, would lose some. */
const bitwiseMax = 0x3fff_ffff

function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1
}

export function sizeOfVarint(value: number): number {
  let rest = zigzag(value)
  let size = 1
  while (rest > 0x7f) {
    rest = rest > bitwiseMax ? Math.floor(rest / 128) : rest >>> bitsInByte
    size += 1
  }
  return size
}

/** Writes a value and returns the place behind it. */
export function writeVarint(bytes: Buffer, at: number, value: number): number {
  let rest = zigzag(value)
  while (rest > 0x7f) {
    bytes[at++] = (rest % 128) | 0x80
    rest = rest > bitwiseMax ? Math.floor(rest / 128) : rest >>> bitsInByte
  }
  bytes[at++] = rest
  return at
}

/** @throws RangeError where the bytes end before the value does, or the value is beyond 2^53 */
export function readVarint(cursor: Cursor): number {
  const { bytes } = cursor
  let { at } = cursor
  let unit = 1
  let value = 0
  for (;;) {
    const byte = bytes[at++]
    if (byte === undefined) throw new RangeError('a varint runs past the end of its batch')
    value += (byte & 0x7f) * unit
    if (byte < 0x80) break
    unit *= 128
    if (value > Number.MAX_SAFE_INTEGER) throw new RangeError('a varint is beyond 2^53')
  }
  cursor.at = at
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}
