/** The record of the topic `enriched_measurements`: a measurement joined with its device, scored and explained. */

import type { AlertLevel, ExplanationEntry } from '@faultline/core/scoring'

export type { AlertLevel, ExplanationEntry }
export type AlarmLevel = 'LOW' | 'MID' | 'HIGH'

/** Where the measurement came from: its place in the raw topic and in PostgreSQL's log. */
export interface MeasurementSource {
  readonly partition: number
  readonly offset: number
  readonly lsn: number
  readonly transaction: string | null
}

export interface EnrichedMeasurement {
  /** `raw_measurements.id` as a decimal string: the same at every replay. */
  readonly event_id: string
  readonly device_id: string
  readonly type: string
  readonly model: string
  readonly name: string | null
  readonly line: string | null
  readonly location: string | null
  /** Epoch milliseconds. */
  readonly measured_at: number
  readonly car_number: number | null
  /** One float32 a channel of the model; NaN where PostgreSQL holds NULL. */
  readonly readings: readonly number[]
  /** In [0, 1]. */
  readonly fault_score: number
  readonly alert_level: AlertLevel
  readonly alarm_level: AlarmLevel | null
  /** Codes of the rules that hold, in the model's order. */
  readonly fault_reasons: readonly string[]
  readonly fault_probability: number | null
  readonly explanation: readonly ExplanationEntry[]
  /** Numbers derived from the device's state: max_z, events, decayed_faults, and starts_per_hour where a rule needs it. */
  readonly features: Readonly<Record<string, number>>
  /** PostgreSQL log position of the catalog row that was joined. */
  readonly catalog_lsn: number
  readonly threshold_version: string | null
  readonly model_version: string | null
  /** 1 for the first record of an event; a correction counts up. */
  readonly revision: number
  /** Commit time in PostgreSQL and processing time in the enricher, epoch ms. */
  readonly committed_at: number
  readonly enriched_at: number
  readonly source: MeasurementSource
}

/** The same where the readings are only passed on: packed, when whoever made the record keeps them so. */
export type PackedMeasurement = Omit<EnrichedMeasurement, 'readings'> & {
  readonly readings: readonly number[] | Float32Array
}

const nullable = (type: unknown) => ({ type: ['null', type], default: null })

/** Avro schema of the topic's values, registered under `enriched_measurements-value`. */
export const enrichedMeasurementAvro = {
  type: 'record',
  name: 'EnrichedMeasurement',
  namespace: 'faultline',
  fields: [
    { name: 'event_id', type: 'string' },
    { name: 'device_id', type: 'string' },
    { name: 'type', type: 'string' },
    { name: 'model', type: 'string' },
    { name: 'name', ...nullable('string') },
    { name: 'line', ...nullable('string') },
    { name: 'location', ...nullable('string') },
    { name: 'measured_at', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'car_number', ...nullable('int') },
    { name: 'readings', type: { type: 'array', items: 'float' } },
    { name: 'fault_score', type: 'double' },
    { name: 'alert_level', type: 'string' },
    { name: 'alarm_level', ...nullable('string') },
    { name: 'fault_reasons', type: { type: 'array', items: 'string' } },
    { name: 'fault_probability', ...nullable('double') },
    {
      name: 'explanation',
      type: {
        type: 'array',
        items: {
          type: 'record',
          name: 'ExplanationEntry',
          fields: [
            { name: 'source', type: 'string' },
            { name: 'code', type: 'string' },
            { name: 'channel', type: 'string' },
            { name: 'value', type: 'double' },
            { name: 'limit', type: 'double' },
            { name: 'contribution', type: 'double' },
          ],
        },
      },
    },
    { name: 'features', type: { type: 'map', values: 'double' } },
    { name: 'catalog_lsn', type: 'long' },
    { name: 'threshold_version', ...nullable('string') },
    { name: 'model_version', ...nullable('string') },
    { name: 'revision', type: 'int' },
    { name: 'committed_at', type: { type: 'long', logicalType: 'timestamp-millis' } },
    { name: 'enriched_at', type: { type: 'long', logicalType: 'timestamp-millis' } },
    {
      name: 'source',
      type: {
        type: 'record',
        name: 'MeasurementSource',
        fields: [
          { name: 'partition', type: 'int' },
          { name: 'offset', type: 'long' },
          { name: 'lsn', type: 'long' },
          { name: 'transaction', ...nullable('string') },
        ],
      },
    },
  ],
} as const
