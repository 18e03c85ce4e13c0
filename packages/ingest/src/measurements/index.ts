export type { Measurement } from './measurement.ts'
export { defaultBatch, MeasurementWriter } from './measurement-writer.ts'
