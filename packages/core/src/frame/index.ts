export {
  clockRange,
  decodeFrame,
  encodeFrame,
  frameBytes,
  frameChannels,
  isPlausibleClock,
  type DecodedFrame,
  type Frame,
  type FrameProblem,
} from './frame.ts'
