import { basename } from 'node:path'
import { decodeFrame, frameBytes } from '@faultline/core/frame'
import { rejectFrame } from './frame-rejection.ts'
import type { Loadable } from './loadable.ts'
import { openBytes } from './lines.ts'

/** The records of a frame file, in its order. A tail shorter than a record is a rejection. */
export async function* readFrameFile(path: string): AsyncGenerator<Iterable<Loadable>> {
  const file = basename(path)
  let at = 0
  let rest: Buffer = Buffer.alloc(0)
  for await (const piece of openBytes(path)) {
    const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece])
    const end = bytes.length - (bytes.length % frameBytes)
    yield readRecords(bytes.subarray(0, end), { file, at })
    at += end
    rest = bytes.subarray(end)
  }
  if (rest.length > 0)
    yield [{ rejection: rejectFrame({ file, at, bytes: rest }, 'LENGTH_INVALID') }]
}

function* readRecords(
  bytes: Buffer,
  { file, at }: { readonly file: string; readonly at: number },
): Generator<Loadable> {
  for (let from = 0; from < bytes.length; from += frameBytes) {
    const record = bytes.subarray(from, from + frameBytes)
    const decoded = decodeFrame(record)
    if (decoded.ok) yield { row: decoded.frame }
    else yield { rejection: rejectFrame({ file, at: at + from, bytes: record }, decoded.problem) }
  }
}
