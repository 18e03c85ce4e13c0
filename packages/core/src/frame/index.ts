export {
  clockRange,
  decodeFrame,
  encodeFrame,
  frameBytes,
  frameChannels,
  frameOffsets,
  isPlausibleClock,
  type DecodedFrame,
  type Frame,
  type FrameProblem,
} from './frame.ts'
