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
