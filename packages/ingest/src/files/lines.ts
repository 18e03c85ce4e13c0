import { Buffer, isUtf8 } from 'node:buffer'
import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { pipeline } from 'node:stream'

/** A line of a text file without its end. */
export class Line {
  /** From 1. */
  readonly number: number
  /** The bytes, of a line that is too long only the first `lineBytesMax`. */
  readonly bytes: Buffer
  readonly #isWhole: boolean

  constructor(number: number, bytes: Buffer) {
    this.number = number
    this.#isWhole = bytes.length <= lineBytesMax
    this.bytes = this.#isWhole ? bytes : bytes.subarray(0, lineBytesMax)
  }

  /** Undefined if the bytes are no UTF-8 or the line is too long. Made when it is asked for. */
  get text(): string | undefined {
    return this.#isWhole && isUtf8(this.bytes) ? this.bytes.toString('utf8') : undefined
  }
}

/** A line longer than this is refused: a file without line ends must not fill the memory. */
export const lineBytesMax = 1_048_576

const newline = 0x0a
const carriageReturn = 0x0d
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])
const readBytes = 262_144

/** The bytes of a file, unpacked if its name ends in `.gz`. Rejects like `fs` and `zlib` do. */
export function openBytes(path: string): AsyncIterable<Buffer> {
  const file = createReadStream(path, { highWaterMark: readBytes })
  if (!path.endsWith('.gz')) return file
  // With a callback `pipeline` destroys both streams when either fails; the reader sees the error by iterating.
  return pipeline(file, createGunzip({ chunkSize: readBytes }), () => undefined)
}

/** Splits bytes into lines, those that end in one piece together. The last line needs no end; empty lines are left out. */
export async function* readLineGroups(
  pieces: AsyncIterable<Buffer>,
): AsyncGenerator<readonly Line[]> {
  let number = 0
  let rest: Buffer[] = []
  let restBytes = 0
  const keep = (part: Buffer): void => {
    // One byte beyond the bound is kept, so that the line is seen to be too long.
    const kept = part.subarray(0, Math.max(0, lineBytesMax + 1 - restBytes))
    if (kept.length > 0) rest.push(kept)
    restBytes += kept.length
  }
  /** The line that ends with `part`; undefined where it is empty. */
  const take = (part: Buffer): Line | undefined => {
    number += 1
    if (restBytes === 0) return toLine(part, number)
    keep(part)
    const bytes = Buffer.concat(rest)
    rest = []
    restBytes = 0
    return toLine(bytes, number)
  }
  for await (const piece of pieces) {
    const lines: Line[] = []
    let start = 0
    for (let end = piece.indexOf(newline); end !== -1; end = piece.indexOf(newline, start)) {
      if (end === start && restBytes === 0) {
        // Nothing but line ends must cost next to nothing: packed, a thousandth of them is sent.
        number += 1
      } else {
        const line = take(piece.subarray(start, end))
        if (line !== undefined) lines.push(line)
      }
      start = end + 1
    }
    if (lines.length > 0) yield lines
    if (start < piece.length) keep(piece.subarray(start))
  }
  const last = take(Buffer.alloc(0))
  if (last !== undefined) yield [last]
}

/** The same one by one. */
export async function* readLines(pieces: AsyncIterable<Buffer>): AsyncGenerator<Line> {
  for await (const lines of readLineGroups(pieces)) yield* lines
}

function toLine(raw: Buffer, number: number): Line | undefined {
  let bytes = raw
  if (number === 1 && bytes.subarray(0, 3).equals(byteOrderMark)) bytes = bytes.subarray(3)
  if (bytes.at(-1) === carriageReturn) bytes = bytes.subarray(0, -1)
  return bytes.length === 0 ? undefined : new Line(number, bytes)
}
