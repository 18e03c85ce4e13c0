import {
  enrichedMeasurementAvro,
  type EnrichedMeasurement,
} from '@faultline/contracts/enriched-measurement'

/** What Redis serves of an enriched measurement. The readings are most of a record's bytes, and are not in it. */
const servedFields = [
  'event_id',
  'device_id',
  'type',
  'model',
  'name',
  'line',
  'location',
  'measured_at',
  'car_number',
  'fault_score',
  'alert_level',
  'alarm_level',
  'fault_reasons',
  'fault_probability',
  'explanation',
  'features',
  'revision',
  'committed_at',
  'source',
] as const satisfies readonly (keyof EnrichedMeasurement)[]

export type ServedMeasurement = Pick<EnrichedMeasurement, (typeof servedFields)[number]>

/** Avro schema of those fields: read with it, the others are skipped. */
export const servedMeasurementAvro = {
  ...enrichedMeasurementAvro,
  fields: enrichedMeasurementAvro.fields
    .filter(({ name }) => (servedFields as readonly string[]).includes(name))
    .map((field) =>
      // No other record has the same, so it is not looked for among known texts.
      field.name === 'event_id' ? { ...field, type: { type: 'string', distinct: true } } : field,
    ),
}
