import { Buffer, isUtf8 } from 'node:buffer'
import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { pipeline } from 'node:stream'

/** A line of a text file without its end. */
export interface Line {
  /** From 1. */
  readonly number: number
  /** Undefined if the bytes are no UTF-8 or the line is too long. */
  readonly text: string | undefined
  /** The bytes, of a line that is too long only the first `lineBytesMax`. */
  readonly bytes: Buffer
}

/** A line longer than this is refused: a file without line ends must not fill the memory. */
export const lineBytesMax = 1_048_576

const newline = 0x0a
const carriageReturn = 0x0d
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf])

/** The bytes of a file, unpacked if its name ends in `.gz`. Rejects like `fs` and `zlib` do. */
export function openBytes(path: string): AsyncIterable<Buffer> {
  const file = createReadStream(path)
  if (!path.endsWith('.gz')) return file
  // With a callback `pipeline` destroys both streams when either fails; the reader sees the error by iterating.
  return pipeline(file, createGunzip(), () => undefined)
}

/** Splits bytes into lines, holding one line at a time. The last line needs no end; empty lines are left out. */
export async function* readLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<Line> {
  let number = 0
  let rest: Buffer[] = []
  let restBytes = 0
  const keep = (part: Buffer): void => {
    // One byte beyond the bound is kept, so that the line is seen to be too long.
    const kept = part.subarray(0, Math.max(0, lineBytesMax + 1 - restBytes))
    if (kept.length > 0) rest.push(kept)
    restBytes += kept.length
  }
  const take = (): Line | undefined => {
    number += 1
    const bytes = Buffer.concat(rest)
    rest = []
    restBytes = 0
    return toLine(bytes, number)
  }
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      if (end === start && restBytes === 0) {
        // Nothing but line ends must cost next to nothing: packed, a thousandth of them is sent.
        number += 1
      } else {
        keep(chunk.subarray(start, end))
        const line = take()
        if (line !== undefined) yield line
      }
      start = end + 1
    }
    keep(chunk.subarray(start))
  }
  const last = take()
  if (last !== undefined) yield last
}

function toLine(raw: Buffer, number: number): Line | undefined {
  let bytes = raw
  if (number === 1 && bytes.subarray(0, 3).equals(byteOrderMark)) bytes = bytes.subarray(3)
  if (bytes.at(-1) === carriageReturn) bytes = bytes.subarray(0, -1)
  if (bytes.length === 0) return undefined
  if (bytes.length > lineBytesMax) {
    return { number, text: undefined, bytes: bytes.subarray(0, lineBytesMax) }
  }
  return { number, text: isUtf8(bytes) ? bytes.toString('utf8') : undefined, bytes }
}
