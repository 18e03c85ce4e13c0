import type { DeviceEvent, DeviceSummary } from '@faultline/contracts/device-summary'
import { isoTime } from '../http/as-of.ts'
import { z } from '../http/openapi-zod.ts'

export const time = z.iso.datetime().openapi({ example: '2026-11-21T09:30:00.000Z' })
const alertLevel = z.enum(['normal', 'warning', 'critical'])
const alarmLevel = z.enum(['LOW', 'MID', 'HIGH']).nullable()

export const explanationEntry = z
  .object({
    source: z.enum(['rule', 'threshold', 'anomaly', 'model']),
    code: z.string(),
    channel: z.string(),
    value: z
      .number()
      .nullable()
      .openapi({ description: "In the channel's unit; a z-score for an anomaly" }),
    limit: z.number().nullable().openapi({ description: 'The limit that was crossed, same unit' }),
    contribution: z.number().openapi({ description: 'Share of fault_score, 0 to 1' }),
  })
  .openapi('ExplanationEntry')

export const device = z
  .object({
    device_id: z.string(),
    type: z.string(),
    model: z.string(),
    name: z.string().nullable(),
    line: z.string().nullable(),
    location: z.string().nullable(),
    car_number: z.number().nullable(),
    last_measured_at: time,
    alert_level: alertLevel,
    alarm_level: alarmLevel,
    fault_score: z.number(),
    fault_reasons: z.array(z.string()),
    fault_probability: z.number().nullable(),
    explanation: z.array(explanationEntry),
    max_z: z.number().nullable(),
    events_total: z.number(),
    faults_total: z.number(),
    decayed_faults: z.number().openapi({
      description: 'Time-decayed fault sum as of last_measured_at',
    }),
    first_seen: time,
    last_event_id: z.string(),
    revision: z.number(),
    committed_at: time.openapi({ description: 'Commit of the newest measurement in PostgreSQL' }),
    source: z
      .object({ partition: z.number(), offset: z.number(), enriched_offset: z.number() })
      .openapi({ description: 'Place in the raw topic, and offset in the enriched topic' }),
  })
  .openapi('Device')
export type Device = z.infer<typeof device>

const position = z
  .object({ partition: z.number(), offset: z.number(), measured_at: time.nullable() })
  .openapi('Position', {
    description: 'The last offset of the enriched topic applied in a partition',
  })
export const asOf = z.array(position).openapi('AsOf', {
  description: 'How fresh the answer is, one entry a partition',
})

export const rankedDevice = z
  .object({
    rank: z.number(),
    device_id: z.string(),
    type: z.string(),
    name: z.string().nullable(),
    line: z.string().nullable(),
    location: z.string().nullable(),
    alert_level: alertLevel,
    fault_score: z.number(),
    fault_reasons: z.array(z.string()),
    explanation: z.array(explanationEntry),
    last_measured_at: time,
    decayed_faults: z.number().openapi({
      description:
        'live: the time-decayed fault sum at `at`; 1h and 24h: the exact sum of the window',
    }),
    score: z.number().openapi({ description: 'As kept in Redis, see docs/ranking.md' }),
  })
  .openapi('RankedDevice')
export type RankedDevice = z.infer<typeof rankedDevice>

export const deviceEvent = z
  .object({
    id: z.string().openapi({ description: 'Place in the stream' }),
    event_id: z.string(),
    device_id: z.string(),
    name: z.string().nullable(),
    line: z.string().nullable(),
    measured_at: time,
    committed_at: time,
    alert_level: alertLevel,
    alarm_level: alarmLevel,
    fault_score: z.number(),
    fault_reasons: z.array(z.string()),
    fault_probability: z.number().nullable(),
    explanation: z.array(explanationEntry),
    revision: z.number(),
  })
  .openapi('DeviceEvent')

export type DeviceEventBody = z.infer<typeof deviceEvent>

export const fleetSummary = z
  .object({
    type: z.string(),
    devices: z.number(),
    devices_by_alert_level: z.object({
      normal: z.number(),
      warning: z.number(),
      critical: z.number(),
    }),
    events: z.number(),
    faults: z.number(),
  })
  .openapi('FleetSummary')

/** The summary as Redis keeps it, in the API's units: RFC 3339 times, the source as one object. */
export function deviceBody(summary: DeviceSummary): Device {
  const { source_partition, source_offset, enriched_offset, ...rest } = summary
  return {
    ...rest,
    fault_reasons: [...summary.fault_reasons],
    explanation: [...summary.explanation],
    last_measured_at: isoTime(summary.last_measured_at),
    first_seen: isoTime(summary.first_seen),
    committed_at: isoTime(summary.committed_at),
    source: { partition: source_partition, offset: source_offset, enriched_offset },
  }
}

export function eventBody(id: string, event: DeviceEvent): DeviceEventBody {
  return {
    id,
    event_id: event.event_id,
    device_id: event.device_id,
    name: event.name,
    line: event.line,
    measured_at: isoTime(event.measured_at),
    committed_at: isoTime(event.committed_at),
    alert_level: event.alert_level,
    alarm_level: event.alarm_level,
    fault_score: event.fault_score,
    fault_reasons: [...event.fault_reasons],
    fault_probability: event.fault_probability,
    explanation: [...event.explanation],
    revision: event.revision,
  }
}
