import type { EnrichedMeasurement } from '@faultline/contracts/enriched-measurement'

const defaults: EnrichedMeasurement = {
  event_id: '1',
  device_id: 'AC-0001',
  type: 'hvac',
  model: 'metro-hvac',
  name: 'Unit 1',
  line: 'L1',
  location: null,
  measured_at: 1_700_000_000_000,
  car_number: null,
  readings: [],
  fault_score: 0,
  alert_level: 'normal',
  alarm_level: null,
  fault_reasons: [],
  fault_probability: null,
  explanation: [],
  features: { max_z: 1.5 },
  catalog_lsn: 1,
  threshold_version: null,
  model_version: null,
  revision: 1,
  committed_at: 1_700_000_000_500,
  enriched_at: 1_700_000_000_510,
  source: { partition: 0, offset: 0, lsn: 1, transaction: null },
}

/** An enriched measurement: a healthy one of AC-0001, but for what is given. */
export function enrichedMeasurement(
  changes: Partial<EnrichedMeasurement> = {},
): EnrichedMeasurement {
  return { ...defaults, ...changes }
}
