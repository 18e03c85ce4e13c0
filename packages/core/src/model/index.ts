export {
  compileModel,
  faultCodeChannel,
  startsKeptMax,
  type CompiledGuard,
  type CompiledModel,
  type CompiledRule,
  type StartCounter,
} from './compile-model.ts'
export { readingAt } from './reading.ts'
export type {
  CatalogDevice,
  ChannelMeasure,
  DeviceModel,
  Guard,
  Limit,
  Measure,
  Rule,
  StartsMeasure,
} from './rule.ts'
