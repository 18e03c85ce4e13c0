import type { Clock } from '@faultline/runtime/clock'
import { asOfBody, isoTime } from '../http/as-of.ts'
import { decodeCursor, encodeCursor } from '../http/cursor.ts'
import { deviceId, instant, nameText, wholeNumber } from '../http/fields.ts'
import { z } from '../http/openapi-zod.ts'
import { invalidArgument } from '../http/problem.ts'
import type { JsonRoute } from '../http/route.ts'
import { servingRoute } from '../http/serving-route.ts'
import {
  granularities,
  type BaselinePoint,
  type Granularity,
  type HistoryEvent,
  type MetricPoint,
  type WarehouseReader,
} from '../ports/warehouse-reader.ts'
import { ProgressWait } from '../progress-wait.ts'
import { asOf } from '../schemas/device.ts'
import { anomalyAnswer, historyEvent, metricAnswer } from '../schemas/history.ts'

interface HistoryRoutesDeps {
  readonly warehouse: WarehouseReader
  readonly clock: Clock
}

interface HistoryRouteDeps extends HistoryRoutesDeps {
  /** Waits for what each granularity is made of. */
  readonly waits: Readonly<Record<Granularity, ProgressWait>>
}

const tag = 'History'
const pointsMax = 10_000
const anomalyPointsMax = 10_000
const hourMs = 3_600_000
/** Where no start is given: a stretch that a chart shows well at each granularity. */
const defaultSpanMs: Readonly<Record<Granularity, number>> = {
  raw: hourMs,
  '1min': 24 * hourMs,
  '1hour': 30 * 24 * hourMs,
  '1day': 730 * 24 * hourMs,
}
const anomalyZ = 3
const baselineMin = 10
/** A look at ClickHouse costs more than one at Redis, and rows come there in ranges anyway. */
const pollMs = 50

export function historyRoutes(deps: HistoryRoutesDeps): readonly JsonRoute[] {
  const { warehouse, clock } = deps
  const waitFor = (granularity: Granularity) =>
    new ProgressWait({ progress: () => warehouse.progress(granularity), pollMs, clock })
  const waits = {
    raw: waitFor('raw'),
    '1min': waitFor('1min'),
    '1hour': waitFor('1hour'),
    '1day': waitFor('1day'),
  }
  const routeDeps = { ...deps, waits }
  return [
    metricsRoute(routeDeps),
    anomalyRoute(routeDeps),
    eventsRoute(routeDeps),
    channelsRoute(routeDeps),
  ]
}

function metricsRoute({ warehouse, clock, waits }: HistoryRouteDeps): JsonRoute {
  return servingRoute((query) => waits[query.granularity], {
    method: 'get',
    path: '/api/devices/{id}/metrics',
    tag,
    summary: 'A channel over time: readings, or buckets of a minute, an hour, a day',
    description:
      'The range is half open, [start_time, end_time); both are optional (end: now; start: 1 h of readings, 24 h of ' +
      'minutes, 30 days of hours, 2 years of days before the end). At most 10,000 points, the newest.',
    params: z.object({ id: deviceId }),
    query: {
      metric_name: nameText.openapi({ example: 'temp_supply_air' }),
      start_time: instant.optional(),
      end_time: instant.optional(),
      granularity: z.enum(granularities).default('1min'),
    },
    response: metricAnswer,
    errors: ['WAREHOUSE_UNAVAILABLE'],
    handle: async ({ params, query }) => {
      const begun = clock.now()
      // Half open, so the end lies a moment after now: a reading of this millisecond belongs to the answer.
      const endMs = query.end_time ?? begun + 1
      const startMs = query.start_time ?? Math.max(0, endMs - defaultSpanMs[query.granularity])
      if (startMs >= endMs) {
        throw invalidArgument([{ pointer: '/query/start_time', detail: 'lies after end_time' }])
      }
      const { value: points, progress } = await warehouse.metric({
        deviceId: params.id,
        channel: query.metric_name,
        startMs,
        endMs,
        granularity: query.granularity,
        limit: pointsMax + 1,
      })
      const data = points.slice(-pointsMax).map(pointBody)
      return {
        body: {
          success: true as const,
          data,
          count: data.length,
          duration_ms: clock.now() - begun,
          truncated: points.length > pointsMax,
          as_of: asOfBody(progress),
        },
        asOf: progress,
      }
    },
  })
}

function pointBody({ timestampMs, ...point }: MetricPoint) {
  return { timestamp: isoTime(timestampMs), ...point }
}

function anomalyRoute({ warehouse, clock, waits }: HistoryRouteDeps): JsonRoute {
  return servingRoute(waits['1min'], {
    method: 'get',
    path: '/api/devices/{id}/anomaly',
    tag,
    summary: "A channel's minutes against its own past",
    description:
      'Each one-minute average beside the mean and deviation of the up to 60 minutes before it. It is an anomaly where ' +
      'it lies more than 3 deviations away; a deviation below a thousandth of the mean counts as that. With fewer than ' +
      '10 minutes before it there is no verdict (z_score null).',
    params: z.object({ id: deviceId }),
    query: {
      metric_name: nameText.openapi({ example: 'temp_supply_air' }),
      hours: wholeNumber({ min: 1, max: 168, default: 24 }),
    },
    response: anomalyAnswer,
    errors: ['WAREHOUSE_UNAVAILABLE'],
    handle: async ({ params, query }) => {
      const endMs = clock.now() + 1
      const { value: points, progress } = await warehouse.baseline({
        deviceId: params.id,
        channel: query.metric_name,
        startMs: endMs - query.hours * hourMs,
        endMs,
        limit: anomalyPointsMax,
      })
      const anomalies = points.map(judged)
      return {
        body: {
          success: true as const,
          anomalies,
          count: anomalies.length,
          as_of: asOfBody(progress),
        },
        asOf: progress,
      }
    },
  })
}

/** Compares a point with those before it. A flat past has a small deviation of its own, else any change were infinite. */
function judged({ timestampMs, value, mean, stddev, baselineCount }: BaselinePoint) {
  const point = { timestamp: isoTime(timestampMs), value, mean, stddev }
  if (mean === null || stddev === null || baselineCount < baselineMin) {
    return { ...point, z_score: null, is_anomaly: false }
  }
  const z = (value - mean) / Math.max(stddev, Math.abs(mean) / 1_000, 1e-6)
  return { ...point, z_score: z, is_anomaly: Math.abs(z) > anomalyZ }
}

function eventsRoute({ warehouse, waits }: HistoryRouteDeps): JsonRoute {
  return servingRoute(waits.raw, {
    method: 'get',
    path: '/api/devices/{id}/events',
    tag,
    summary: "A device's scored measurements, the newest first",
    params: z.object({ id: deviceId }),
    query: {
      limit: wholeNumber({ min: 1, max: 500, default: 50 }),
      before: z
        .string()
        .min(1)
        .max(500)
        .optional()
        .openapi({ description: 'An RFC 3339 time, or next_before of the page before' }),
      abnormal: z
        .enum(['true', 'false'])
        .default('false')
        .openapi({ description: 'Only warnings and criticals' }),
    },
    response: z.object({
      device_id: z.string(),
      events: z.array(historyEvent),
      count: z.number(),
      next_before: z.string().nullable(),
      as_of: asOf,
    }),
    errors: ['WAREHOUSE_UNAVAILABLE'],
    handle: async ({ params, query }) => {
      const { value: events, progress } = await warehouse.events({
        deviceId: params.id,
        before: query.before === undefined ? null : placeOf(query.before),
        abnormalOnly: query.abnormal === 'true',
        limit: query.limit,
      })
      const last = events.at(-1)
      const next =
        last === undefined || events.length < query.limit
          ? null
          : encodeCursor('events', [String(last.measuredAtMs), last.eventId])
      return {
        body: {
          device_id: params.id,
          events: events.map(eventBody),
          count: events.length,
          next_before: next,
          as_of: asOfBody(progress),
        },
        asOf: progress,
      }
    },
  })
}

function placeOf(before: string) {
  const time = instant.safeParse(before)
  // Event ids are decimal, so the empty text comes before all of them: nothing of that very moment is given.
  if (time.success) return { measuredAtMs: time.data, eventId: '' }
  const [measuredAt, eventId = ''] = decodeCursor(before, {
    list: 'events',
    size: 2,
    field: 'before',
  })
  const measuredAtMs = instant.safeParse(measuredAt)
  if (!measuredAtMs.success || !/^\d{0,20}$/.test(eventId)) {
    throw invalidArgument([{ pointer: '/query/before', detail: 'not a cursor of this list' }])
  }
  return { measuredAtMs: measuredAtMs.data, eventId }
}

function eventBody(event: HistoryEvent) {
  return {
    event_id: event.eventId,
    measured_at: isoTime(event.measuredAtMs),
    alert_level: event.alertLevel,
    fault_score: event.faultScore,
    fault_reasons: [...event.faultReasons],
    explanation: [...event.explanation],
    revision: event.revision,
  }
}

function channelsRoute({ warehouse, waits }: HistoryRouteDeps): JsonRoute {
  return servingRoute(waits.raw, {
    method: 'get',
    path: '/api/devices/{id}/channels',
    tag,
    summary: "The channels of the device's model: what metric_name may be",
    params: z.object({ id: deviceId }),
    response: z.object({
      device_id: z.string(),
      channels: z.array(z.object({ name: z.string(), unit: z.string() })),
      count: z.number(),
      as_of: asOf,
    }),
    errors: ['WAREHOUSE_UNAVAILABLE'],
    handle: async ({ params }) => {
      const { value: channels, progress } = await warehouse.channels(params.id)
      return {
        body: {
          device_id: params.id,
          channels: [...channels],
          count: channels.length,
          as_of: asOfBody(progress),
        },
        asOf: progress,
      }
    },
  })
}
