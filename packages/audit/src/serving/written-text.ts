import { writtenFields, type SummaryField } from '@faultline/contracts/device-summary'
import type { EnrichedMeasurement } from '@faultline/contracts/enriched-measurement'

/** What Redis shows of a record: the values of the written fields, kept as values until somebody asks for their text. */
export type WrittenRecord = Readonly<Record<SummaryField, unknown>>

/** The written fields of a record. Readings are not among them, so a kept record is small. */
export function writtenRecord(m: EnrichedMeasurement, offset: number): WrittenRecord {
  return {
    device_id: m.device_id,
    type: m.type,
    model: m.model,
    name: m.name,
    line: m.line,
    location: m.location,
    car_number: m.car_number,
    last_event_id: m.event_id,
    revision: m.revision,
    last_measured_at: m.measured_at,
    committed_at: m.committed_at,
    alert_level: m.alert_level,
    alarm_level: m.alarm_level,
    fault_score: m.fault_score,
    fault_reasons: m.fault_reasons,
    fault_probability: m.fault_probability,
    explanation: m.explanation,
    max_z: m.features['max_z'],
    source_partition: m.source.partition,
    source_offset: m.source.offset,
    enriched_offset: offset,
  }
}

/** Text of a value in Redis: nothing is the empty text, a list is JSON. */
function textOf(value: unknown): string {
  if (value === null || value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** The fields of `device_summary` that come from one record. */
export function summaryTexts(record: WrittenRecord): Map<string, string> {
  return new Map(writtenFields.map(({ summary }) => [summary, textOf(record[summary])]))
}

/** The fields of an entry of `enriched_events`. */
export function eventTexts(record: WrittenRecord): Map<string, string> {
  const texts = new Map<string, string>()
  for (const { summary, event } of writtenFields) {
    if (event !== null) texts.set(event, textOf(record[summary]))
  }
  return texts
}
