import { contributionUnits, isFault } from '@faultline/core/ranking'
import { writtenFields, type SummaryField } from '@faultline/contracts/device-summary'
import type { ServedMeasurement } from './served-measurement.ts'
import type { DeviceRecord } from './serving-store.ts'

const orEmpty = (value: string | number | null | undefined): string =>
  value === null || value === undefined ? '' : String(value)

/** The text of each written field. JSON where the value is a list. */
const fieldText: Readonly<Record<SummaryField, (m: ServedMeasurement, at: number) => string>> = {
  device_id: (m) => m.device_id,
  type: (m) => m.type,
  model: (m) => m.model,
  name: (m) => orEmpty(m.name),
  line: (m) => orEmpty(m.line),
  location: (m) => orEmpty(m.location),
  car_number: (m) => orEmpty(m.car_number),
  last_event_id: (m) => m.event_id,
  revision: (m) => String(m.revision),
  last_measured_at: (m) => String(m.measured_at),
  committed_at: (m) => String(m.committed_at),
  alert_level: (m) => m.alert_level,
  alarm_level: (m) => orEmpty(m.alarm_level),
  fault_score: (m) => String(m.fault_score),
  fault_reasons: (m) => JSON.stringify(m.fault_reasons),
  fault_probability: (m) => orEmpty(m.fault_probability),
  explanation: (m) => JSON.stringify(m.explanation),
  max_z: (m) => orEmpty(m.features['max_z']),
  source_partition: (m) => String(m.source.partition),
  source_offset: (m) => String(m.source.offset),
  enriched_offset: (_m, offset) => String(offset),
}

const writers = writtenFields.map(({ summary }) => fieldText[summary])

/** A record in the form apply-records takes: the numbers it reckons with, then the text of every written field. */
export function encodeRecord({
  offset,
  device_id,
  measurement,
}: DeviceRecord): readonly (string | number)[] {
  if (measurement === null) return [offset, device_id]
  return [
    offset,
    contributionUnits(measurement.fault_score),
    isFault(measurement) ? 1 : 0,
    measurement.revision,
    measurement.measured_at,
    ...writers.map((text) => text(measurement, offset)),
  ]
}
