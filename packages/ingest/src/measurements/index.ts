export type { Measurement } from './measurement.ts'
export { MeasurementBatch } from './measurement-batch.ts'
export { MeasurementStore } from './measurement-store.ts'
export { defaultBatch, MeasurementWriter } from './measurement-writer.ts'
