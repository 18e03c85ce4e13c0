import type { AlertLevel, ExplanationEntry } from '@faultline/contracts/enriched-measurement'
import type { Progress, Reading } from './progress.ts'

export const granularities = ['raw', '1min', '1hour', '1day'] as const
export type Granularity = (typeof granularities)[number]

interface MetricQuestion {
  readonly deviceId: string
  readonly channel: string
  /** Half open: [startMs, endMs), epoch ms. */
  readonly startMs: number
  readonly endMs: number
  readonly granularity: Granularity
  readonly limit: number
}

/** A reading, or the statistics of a bucket that begins at `timestampMs`; `value` is then the average. */
export interface MetricPoint {
  readonly timestampMs: number
  readonly value: number
  readonly count: number
  readonly min: number
  readonly max: number
  readonly stddev: number
  /** Null in raw readings. */
  readonly median: number | null
  readonly p95: number | null
}

/** A one-minute average beside the statistics of the points before it; null where there are none. */
export interface BaselinePoint {
  readonly timestampMs: number
  readonly value: number
  readonly mean: number | null
  readonly stddev: number | null
  /** How many points the mean and the deviation come from. */
  readonly baselineCount: number
}

export interface HistoryEvent {
  readonly eventId: string
  readonly measuredAtMs: number
  readonly alertLevel: AlertLevel
  readonly faultScore: number
  readonly faultReasons: readonly string[]
  readonly explanation: readonly ExplanationEntry[]
  readonly revision: number
}

export interface Channel {
  readonly name: string
  readonly unit: string
}

/** The place of an event in a device's history: the newest first, ties by the event id. */
export interface HistoryPlace {
  readonly measuredAtMs: number
  readonly eventId: string
}

/**
 * The questions the API asks of the history. Every answer is bounded by its `limit`. Its progress was read before it, so it
 * holds at least that; buckets are as far as their own roll-up is. `measuredAt` is that of the record at `offset`, null for
 * buckets.
 * @throws FaultlineError WAREHOUSE_UNAVAILABLE from every method while the warehouse is away
 */
export interface WarehouseReader {
  /** The points in order of time, the newest `limit` of them. */
  metric(question: MetricQuestion): Promise<Reading<readonly MetricPoint[]>>
  /** One-minute averages since `startMs` in order of time, the newest `limit` of them, each with up to 60 points before it. */
  baseline(question: {
    readonly deviceId: string
    readonly channel: string
    readonly startMs: number
    readonly endMs: number
    readonly limit: number
  }): Promise<Reading<readonly BaselinePoint[]>>
  /** Scored measurements of a device, the newest first, after `before` where it is given. */
  events(question: {
    readonly deviceId: string
    readonly before: HistoryPlace | null
    readonly abnormalOnly: boolean
    readonly limit: number
  }): Promise<Reading<readonly HistoryEvent[]>>
  /** The channels of the device's model, in the model's order; none where the device has no history. */
  channels(deviceId: string): Promise<Reading<readonly Channel[]>>
  /** What the measurements, or the buckets of a granularity, hold. */
  progress(granularity: Granularity): Promise<Progress>
  ping(): Promise<void>
}
