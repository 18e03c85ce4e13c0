import { basename } from 'node:path'
import { decodeFrame, frameBytes } from '@faultline/core/frame'
import { rejectFrame } from './frame-rejection.ts'
import type { Loadable } from './loadable.ts'
import { openBytes } from './lines.ts'

/** The records of a frame file, in its order. A tail shorter than a record is a rejection. */
export async function* readFrameFile(path: string): AsyncGenerator<Loadable> {
  const file = basename(path)
  let at = 0
  for await (const bytes of cutRecords(openBytes(path))) {
    const decoded = decodeFrame(bytes)
    if (decoded.ok) yield { row: decoded.frame }
    else yield { rejection: rejectFrame({ file, at, bytes }, decoded.problem) }
    at += bytes.length
  }
}

/** Cuts a stream into pieces of one frame; only the last may be shorter. */
async function* cutRecords(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    let at = 0
    for (; at + frameBytes <= bytes.length; at += frameBytes) {
      yield bytes.subarray(at, at + frameBytes)
    }
    rest = bytes.subarray(at)
  }
  if (rest.length > 0) yield rest
}
