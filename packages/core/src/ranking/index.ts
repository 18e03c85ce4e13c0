export { contributionUnits, isFault, unitsPerScore } from './contribution.ts'
export { decayedScore, decayedSumAt, type Contribution } from './decay.ts'
export {
  allScope,
  recount,
  type DeviceChange,
  type DeviceTotals,
  type FleetTotals,
  type RankedMeasurement,
  type RankingSettings,
  type ServingContents,
} from './recount.ts'
