export { faultKinds, faultShareMax, type FaultKind } from './fault.ts'
export { createFleet, defaultFleetSize, metroHvacChannels, type Fleet } from './fleet.ts'
export { registerUnits } from './register-units.ts'
export { lastReportAt, reportsBetween } from './schedule.ts'
