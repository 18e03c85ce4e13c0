import { frameBytes, type FrameProblem } from '@faultline/core/frame'
import type { Rejection } from './loadable.ts'

const details: Readonly<Record<FrameProblem, string>> = {
  LENGTH_INVALID: `a frame has ${frameBytes} bytes; the file ends inside this one`,
  DEVICE_ID_EMPTY: 'the device id is empty',
  DEVICE_ID_INVALID: 'the device id is not text',
  CLOCK_INVALID: 'the clock is before the year 2000 or after 2099',
  CAR_NUMBER_INVALID: 'the car number is above 2147483647',
}

interface FramePlace {
  readonly file: string
  /** Byte offset in the file, unpacked. */
  readonly at: number
  readonly bytes: Uint8Array
}

/** The rejection of a frame record for its problem. */
export function rejectFrame({ file, at, bytes }: FramePlace, problem: FrameProblem): Rejection {
  const raw = Buffer.from(bytes).toString('base64')
  return { file, at, reason: problem, detail: details[problem], raw, encoding: 'base64' }
}
