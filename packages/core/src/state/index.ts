export {
  advancePosition,
  createState,
  decayedFaults,
  encode,
  eventCount,
  fitState,
  fits,
  lastMeasuredAt,
  lastPosition,
  openState,
  type DeviceState,
  type OpenedState,
  type StateProblem,
} from './device-state.ts'
export { rowsPerChunk, SeenRows, type DeliveredRow, type RowStanding } from './seen-rows.ts'
