import { basename } from 'node:path'
import { decodeFrame, frameBytes, type FrameProblem } from '@faultline/core/frame'
import type { Loadable } from './loadable.ts'
import { openBytes } from './lines.ts'

const details: Readonly<Record<FrameProblem, string>> = {
  LENGTH_INVALID: `a frame has ${frameBytes} bytes; the file ends inside this one`,
  DEVICE_ID_EMPTY: 'the device id is empty',
  DEVICE_ID_INVALID: 'the device id is not text',
  CLOCK_INVALID: 'the clock is before the year 2000 or after 2099',
  CAR_NUMBER_INVALID: 'the car number is above 2147483647',
}

/** The records of a frame file, in its order. A tail shorter than a record is a rejection. */
export async function* readFrameFile(path: string): AsyncGenerator<Loadable> {
  const file = basename(path)
  let at = 0
  for await (const bytes of cutRecords(openBytes(path))) {
    const decoded = decodeFrame(bytes)
    if (decoded.ok) yield { row: decoded.frame }
    else {
      const raw = Buffer.from(bytes).toString('base64')
      const reason = decoded.problem
      yield {
        rejection: { file, at, reason, detail: details[reason], raw, encoding: 'base64' },
      }
    }
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
