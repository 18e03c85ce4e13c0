import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { frameBytes } from '@faultline/core/frame'
import { systemCode } from '@faultline/runtime/errors'

/** About a megabyte. */
const usualBytes = frameBytes * 2_400
/** The least that `zlib` takes. */
const chunkBytesMin = 64
/** Packed bytes that are read at once. */
const packedBytes = 262_144

/**
 * The bytes of a plain file from one place to another, fewer where the file ends before, in pieces of `pieceBytes`. While a piece is
 * worked on the next one is read; a piece is valid until the next is asked for.
 */
export async function* plainBytes(
  path: string,
  from: number,
  to: number,
  pieceBytes: number = usualBytes,
): AsyncGenerator<Buffer> {
  const handle = await open(path)
  let reading: Promise<unknown> = Promise.resolve()
  try {
    const read = (buffer: Buffer, at: number) => {
      const length = Math.max(0, Math.min(pieceBytes, to - at))
      const next = handle.read(buffer, 0, length, at)
      reading = next.catch(() => undefined)
      return next
    }
    let spare = Buffer.allocUnsafe(Math.min(pieceBytes, Math.max(0, to - from)))
    let filled = Buffer.allocUnsafe(spare.length)
    let at = from
    let next = read(spare, at)
    for (;;) {
      const { bytesRead } = await next
      if (bytesRead === 0) return
      ;[filled, spare] = [spare, filled]
      at += bytesRead
      next = read(spare, at)
      next.catch(() => undefined)
      yield filled.subarray(0, bytesRead)
    }
  } finally {
    await reading
    await handle.close()
  }
}

/** The unpacked bytes of a gzip file from a place on; as far as it can be unpacked, and then `zlib`'s error. */
export async function* unpackedBytes(
  path: string,
  from: number,
  pieceBytes: number = usualBytes,
): AsyncGenerator<Buffer> {
  // With a callback `pipeline` destroys both streams when either fails; the reader sees the error by iterating.
  const unpacked = pipeline(
    createReadStream(path, { highWaterMark: packedBytes }),
    createGunzip({ chunkSize: Math.max(chunkBytesMin, pieceBytes) }),
    () => undefined,
  )
  let skip = from
  for await (const piece of unpacked as AsyncIterable<Buffer>) {
    const skipped = Math.min(skip, piece.length)
    skip -= skipped
    if (skipped < piece.length) yield piece.subarray(skipped)
  }
}

/** Whether an error means that the file, and not we, is at fault: a broken archive, a failing disk, no right to read it. */
export function isUnreadable(error: unknown): boolean {
  const code = systemCode(error)
  return code !== undefined && (code.startsWith('Z_') || code === 'EIO' || code === 'EACCES')
}

/**
 * Hands whole records over, as many at a time as there are, and returns what is left behind the last one: less than a record.
 * @throws what reading throws, after the whole records before it were handed over
 */
export async function cutRecords(
  pieces: AsyncIterable<Buffer>,
  take: (records: Buffer) => Promise<void>,
): Promise<Buffer> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const piece of pieces) {
    let at = 0
    if (rest.length > 0) {
      at = Math.min(frameBytes - rest.length, piece.length)
      rest = Buffer.concat([rest, piece.subarray(0, at)])
      if (rest.length < frameBytes) continue
      await take(rest)
    }
    const end = at + Math.floor((piece.length - at) / frameBytes) * frameBytes
    if (end > at) await take(piece.subarray(at, end))
    rest = Buffer.from(piece.subarray(end))
  }
  return rest
}
