import { z } from 'zod'
import type { AlarmLevel, AlertLevel, ExplanationEntry } from './enriched-measurement.ts'

/**
 * The hashes `device_summary:{device_id}` and `fleet_summary:{type}` and the entries of `enriched_events:{type}`: who writes
 * them and who reads them agree here. Redis holds text: null is written as the empty string.
 */

/** What is written for each measurement: its field in the device's summary, and in the stream where it is kept there too. */
export const writtenFields = [
  { summary: 'device_id', event: 'device_id' },
  { summary: 'type', event: null },
  { summary: 'model', event: null },
  { summary: 'name', event: 'name' },
  { summary: 'line', event: 'line' },
  { summary: 'location', event: null },
  { summary: 'car_number', event: null },
  { summary: 'last_event_id', event: 'event_id' },
  { summary: 'revision', event: 'revision' },
  { summary: 'last_measured_at', event: 'measured_at' },
  { summary: 'committed_at', event: 'committed_at' },
  { summary: 'alert_level', event: 'alert_level' },
  { summary: 'alarm_level', event: 'alarm_level' },
  { summary: 'fault_score', event: 'fault_score' },
  { summary: 'fault_reasons', event: 'fault_reasons' },
  { summary: 'fault_probability', event: 'fault_probability' },
  { summary: 'explanation', event: 'explanation' },
  { summary: 'max_z', event: null },
  { summary: 'source_partition', event: 'source_partition' },
  { summary: 'source_offset', event: 'source_offset' },
  { summary: 'enriched_offset', event: 'enriched_offset' },
] as const

export type SummaryField = (typeof writtenFields)[number]['summary']

/** Fields of the summary that are folded over all of the device's measurements. */
export const foldedFields = [
  'first_seen',
  'events_total',
  'faults_total',
  'decayed_faults',
] as const

const orNull = (text: string) => (text === '' ? null : text)
const nullableText = z.string().default('').transform(orNull)
const number = z.string().min(1).pipe(z.coerce.number())
const nullableNumber = z
  .string()
  .default('')
  .transform((text) => (text === '' ? null : Number(text)))
const alertLevel = z.enum(['normal', 'warning', 'critical'] satisfies readonly AlertLevel[])
const alarmLevel = nullableText.pipe(
  z.enum(['LOW', 'MID', 'HIGH'] satisfies readonly AlarmLevel[]).nullable(),
)
const json = <T>(empty: T) =>
  z.string().transform((text): T => (text === '' ? empty : (JSON.parse(text) as T)))

const measurementFields = {
  device_id: z.string().min(1),
  name: nullableText,
  line: nullableText,
  revision: number,
  committed_at: number,
  alert_level: alertLevel,
  alarm_level: alarmLevel,
  fault_score: number,
  fault_reasons: json<readonly string[]>([]),
  fault_probability: nullableNumber,
  explanation: json<readonly ExplanationEntry[]>([]),
  source_partition: number,
  source_offset: number,
  enriched_offset: number,
}

/** A row of `device_summary:{device_id}`, typed. Times are epoch ms; `source_*` is the place in the raw topic. */
export const deviceSummary = z.object({
  ...measurementFields,
  type: z.string(),
  model: z.string(),
  location: nullableText,
  car_number: nullableNumber,
  last_event_id: z.string(),
  last_measured_at: number,
  /** The largest anomaly z-score of the newest measurement. */
  max_z: nullableNumber,
  /** The oldest measured_at applied. */
  first_seen: number,
  events_total: number,
  faults_total: number,
  /** The time-decayed fault sum as of last_measured_at; the sum now follows from the score in top_faults. */
  decayed_faults: number,
})
export type DeviceSummary = z.infer<typeof deviceSummary>

/** The fields of an entry of `enriched_events:{type}`, typed. */
export const deviceEvent = z.object({
  ...measurementFields,
  event_id: z.string(),
  measured_at: number,
})
export type DeviceEvent = z.infer<typeof deviceEvent>

export const fleetFields = [
  'devices',
  'devices_normal',
  'devices_warning',
  'devices_critical',
  'events',
  'faults',
] as const
export type FleetField = (typeof fleetFields)[number]

const count = z.string().default('0').pipe(z.coerce.number())
/** A row of `fleet_summary:{type}`: devices by the alert level of their newest measurement, and sums over them. */
export const fleetSummary = z.object({
  devices: count,
  devices_normal: count,
  devices_warning: count,
  devices_critical: count,
  events: count,
  faults: count,
})
export type FleetSummary = z.infer<typeof fleetSummary>

/** The hash as HGETALL gives it, or null where the device is unknown. @throws z.ZodError where the hash is not ours */
export function parseDeviceSummary(hash: Readonly<Record<string, string>>): DeviceSummary | null {
  return Object.keys(hash).length === 0 ? null : deviceSummary.parse(hash)
}
