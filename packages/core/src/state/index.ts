export {
  createState,
  decayedFaults,
  encode,
  eventCount,
  fitState,
  fits,
  lastMeasuredAt,
  openState,
  type DeviceState,
  type OpenedState,
  type StateProblem,
} from './device-state.ts'
export { remember, seenBefore, type RowChange } from './redelivery.ts'
