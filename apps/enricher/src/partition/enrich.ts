import type { PackedMeasurement } from '@faultline/contracts/enriched-measurement'
import type { Scorer } from '@faultline/core/scoring'
import type { DeviceState } from '@faultline/core/state'
import type { JoinedDevice } from '../catalog/catalog.ts'
import type { Measurement } from '../change/measurement.ts'

interface EnrichInput {
  readonly measurement: Measurement
  readonly joined: JoinedDevice
  readonly state: DeviceState
  /** Place in the raw topic. */
  readonly partition: number
  readonly offset: number
  readonly enrichedAt: number
}

/** Scores a measurement, moving the device's state on, and puts the record together. */
export function enrich(scorer: Scorer, input: EnrichInput): PackedMeasurement {
  const { measurement, joined, state, partition, offset, enrichedAt } = input
  const { device, model, catalogLsn } = joined
  const scored = scorer.score({
    model,
    state,
    measuredAt: measurement.measuredAt,
    readings: measurement.readings,
  })
  return {
    event_id: String(measurement.id),
    device_id: device.device_id,
    type: device.type,
    model: device.model,
    name: device.name,
    line: device.line,
    location: device.location,
    measured_at: measurement.measuredAt,
    car_number: measurement.carNumber,
    readings: measurement.readings,
    fault_score: scored.fault_score,
    alert_level: scored.alert_level,
    alarm_level: null,
    fault_reasons: scored.fault_reasons,
    fault_probability: null,
    explanation: scored.explanation,
    features: scored.features,
    catalog_lsn: catalogLsn,
    threshold_version: null,
    model_version: null,
    revision: 1,
    committed_at: measurement.committedAt,
    enriched_at: enrichedAt,
    source: {
      partition,
      offset,
      lsn: measurement.position.lsn,
      transaction: measurement.transaction,
    },
  }
}
