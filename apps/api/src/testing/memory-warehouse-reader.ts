import { FaultlineError } from '@faultline/runtime/errors'
import type { Progress, Reading } from '../ports/progress.ts'
import type {
  BaselinePoint,
  Channel,
  Granularity,
  HistoryEvent,
  HistoryPlace,
  MetricPoint,
  WarehouseReader,
} from '../ports/warehouse-reader.ts'

interface Sample {
  readonly timestampMs: number
  readonly value: number
}

/** What a warehouse holds, in plain values. */
export interface WarehouseContents {
  /** `device/channel` -> its readings, in any order. */
  readonly readings: Map<string, readonly Sample[]>
  readonly events: Map<string, readonly HistoryEvent[]>
  readonly channels: Map<string, readonly Channel[]>
  /** While true every question fails as it does without ClickHouse. */
  isAway: boolean
  /** Of the measurements, and of the buckets of every granularity. */
  progress: Progress
  rolledUp: Progress
}

export function emptyWarehouseContents(): WarehouseContents {
  return {
    readings: new Map(),
    events: new Map(),
    channels: new Map(),
    isAway: false,
    progress: [],
    rolledUp: [],
  }
}

const bucketMs = { raw: 1, '1min': 60_000, '1hour': 3_600_000, '1day': 86_400_000 }
const baselinePoints = 60

/** A warehouse in memory, computed the plain way; the contract suite holds it to what the real one does. */
export function createMemoryWarehouseReader(contents: WarehouseContents): WarehouseReader {
  const progressOf = (granularity: Granularity) =>
    granularity === 'raw' ? contents.progress : contents.rolledUp
  const answer = <T>(granularity: Granularity, read: () => T): Promise<Reading<T>> =>
    contents.isAway
      ? Promise.reject(new FaultlineError('WAREHOUSE_UNAVAILABLE', 'switched off by the test'))
      : Promise.resolve({ value: read(), progress: progressOf(granularity) })
  const points = (key: string, granularity: keyof typeof bucketMs) =>
    bucketsOf(contents.readings.get(key) ?? [], granularity)
  return {
    metric: ({ deviceId, channel, startMs, endMs, granularity, limit }) =>
      answer(granularity, () =>
        points(`${deviceId}/${channel}`, granularity)
          .filter(({ timestampMs }) => timestampMs >= startMs && timestampMs < endMs)
          .slice(-limit),
      ),
    baseline: ({ deviceId, channel, startMs, endMs, limit }) =>
      answer('1min', () =>
        withBaselines(points(`${deviceId}/${channel}`, '1min'))
          .filter(({ timestampMs }) => timestampMs >= startMs && timestampMs < endMs)
          .slice(-limit),
      ),
    events: ({ deviceId, before, abnormalOnly, limit }) =>
      answer('raw', () =>
        (contents.events.get(deviceId) ?? [])
          .filter(({ alertLevel }) => !abnormalOnly || alertLevel !== 'normal')
          .filter((event) => before === null || comparePlaces(event, before) < 0)
          .toSorted((one, other) => comparePlaces(other, one))
          .slice(0, limit),
      ),
    channels: (deviceId) => answer('raw', () => contents.channels.get(deviceId) ?? []),
    progress: async (granularity) => (await answer(granularity, () => null)).progress,
    ping: async () => {
      await answer('raw', () => null)
    },
  }
}

function comparePlaces(one: HistoryPlace, other: HistoryPlace): number {
  return one.measuredAtMs - other.measuredAtMs || Number(one.eventId) - Number(other.eventId)
}

function bucketsOf(
  readings: readonly Sample[],
  granularity: keyof typeof bucketMs,
): readonly MetricPoint[] {
  const width = bucketMs[granularity]
  const buckets = Map.groupBy(readings, ({ timestampMs }) => timestampMs - (timestampMs % width))
  return [...buckets]
    .toSorted(([one], [other]) => one - other)
    .map(([timestampMs, ofBucket]) => {
      const values = ofBucket.map(({ value }) => value).toSorted((one, other) => one - other)
      const isRaw = granularity === 'raw'
      return {
        timestampMs,
        ...statisticsOf(values),
        median: isRaw ? null : quantile(values, 0.5),
        p95: isRaw ? null : quantile(values, 0.95),
      }
    })
}

function statisticsOf(values: readonly number[]) {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
  return {
    value: mean,
    count: values.length,
    min: Math.min(...values),
    max: Math.max(...values),
    stddev: Math.sqrt(variance),
  }
}

function quantile(sorted: readonly number[], level: number): number {
  const place = (sorted.length - 1) * level
  const low = sorted[Math.floor(place)] ?? Number.NaN
  const high = sorted[Math.ceil(place)] ?? Number.NaN
  return low + (high - low) * (place - Math.floor(place))
}

function withBaselines(points: readonly MetricPoint[]): readonly BaselinePoint[] {
  return points.map(({ timestampMs, value }, index) => {
    const before = points.slice(Math.max(0, index - baselinePoints), index)
    const { value: mean, stddev } = statisticsOf(before.map((point) => point.value))
    const none = before.length === 0
    return {
      timestampMs,
      value,
      mean: none ? null : mean,
      stddev: none ? null : stddev,
      baselineCount: before.length,
    }
  })
}
