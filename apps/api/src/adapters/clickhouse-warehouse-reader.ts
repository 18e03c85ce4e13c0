import type { AlertLevel, ExplanationEntry } from '@faultline/contracts/enriched-measurement'
import type { ClickhouseClient } from '@faultline/runtime/clickhouse'
import type { AppliedPosition, Progress, Reading } from '../ports/progress.ts'
import type {
  BaselinePoint,
  Channel,
  Granularity,
  HistoryEvent,
  MetricPoint,
  WarehouseReader,
} from '../ports/warehouse-reader.ts'

/**
 * A channel's number depends on the model, and a device may have changed its model, so rows are matched by both. The
 * names in `{…}` are parameters of the statement.
 */
const ofChannel =
  '(model, channel) IN (SELECT model, channel FROM app.channels WHERE name = {channel:String})'
const ofDevice = 'device_id = {deviceId:String}'
const timeOf = (column: string) => `toUnixTimestamp64Milli(${column})`
const moment = (name: string) => `fromUnixTimestamp64Milli({${name}:Int64}, 'UTC')`
const within = (column: string) =>
  `${column} >= ${moment('startMs')} AND ${column} < ${moment('endMs')}`

/** Only first revisions: a correction never changes readings. */
const rawMetric = `
SELECT ${timeOf('m.measured_at')} AS timestampMs, toFloat64(m.readings[c.channel + 1]) AS value
FROM app.enriched_measurements AS m
INNER JOIN (SELECT model, channel FROM app.channels WHERE name = {channel:String}) AS c ON c.model = m.model
WHERE m.${ofDevice} AND m.revision = 1 AND ${within('m.measured_at')} AND isFinite(value)
ORDER BY m.measured_at DESC, m.event_id DESC
LIMIT {limit:UInt32}`

const bucketViews: Readonly<Record<Exclude<Granularity, 'raw'>, string>> = {
  '1min': 'app.metrics_1min',
  '1hour': 'app.metrics_1hour',
  '1day': 'app.metrics_1day',
}

const tables: Readonly<Record<Exclude<Granularity, 'raw'>, string>> = {
  '1min': 'app.measurements_1min',
  '1hour': 'app.measurements_1hour',
  '1day': 'app.measurements_1day',
}

const bucketMetric = (view: string) => `
SELECT ${timeOf('bucket')} AS timestampMs, toFloat64(avg) AS value, toFloat64(count) AS count, toFloat64(min) AS min,
  toFloat64(max) AS max, toFloat64(stddev) AS stddev, toFloat64(median) AS median, toFloat64(p95) AS p95
FROM ${view}
WHERE ${ofDevice} AND ${within('bucket')} AND ${ofChannel}
ORDER BY bucket DESC
LIMIT {limit:UInt32}`

/** Points this long before the first one asked for still count as its past. */
const leadMs = 86_400_000

const baselineQuery = `
SELECT timestampMs, value, if(baselineCount = 0, NULL, mean) AS mean, if(baselineCount = 0, NULL, stddev) AS stddev,
  baselineCount
FROM (
  SELECT ${timeOf('bucket')} AS timestampMs, toFloat64(avg) AS value, avg(value) OVER past AS mean,
    stddevPopStable(value) OVER past AS stddev, toFloat64(count() OVER past) AS baselineCount
  FROM app.metrics_1min
  WHERE ${ofDevice} AND ${within('bucket')} AND ${ofChannel}
  WINDOW past AS (ORDER BY bucket ROWS BETWEEN 60 PRECEDING AND 1 PRECEDING)
)
WHERE timestampMs >= {firstMs:Int64}
ORDER BY timestampMs DESC
LIMIT {limit:UInt32}`

const eventsQuery = (conditions: readonly string[]) => `
SELECT toString(event_id) AS eventId, ${timeOf('measured_at')} AS measuredAtMs, alert_level AS alertLevel,
  fault_score AS faultScore, fault_reasons AS faultReasons, toFloat64(revision) AS revision,
  explanation.source AS sources, explanation.code AS codes, explanation.channel AS channels,
  explanation.value AS values, explanation.limit AS limits, explanation.contribution AS contributions
FROM app.latest_measurements
WHERE ${[ofDevice, ...conditions].join(' AND ')}
ORDER BY measured_at DESC, event_id DESC
LIMIT {limit:UInt32}`
const abnormal = "alert_level != 'normal'"
const beforePlace = `(measured_at, event_id) < (${moment('beforeMs')}, {beforeId:UInt64})`

const channelsQuery = `
SELECT name, unit
FROM app.channels
WHERE model IN (
  SELECT model FROM app.enriched_measurements WHERE ${ofDevice} ORDER BY measured_at DESC LIMIT 1
)
ORDER BY channel`

type EventsQuestion = Parameters<WarehouseReader['events']>[0]

interface EventRow extends Omit<HistoryEvent, 'explanation'> {
  readonly alertLevel: AlertLevel
  readonly sources: readonly ExplanationEntry['source'][]
  readonly codes: readonly string[]
  readonly channels: readonly string[]
  readonly values: readonly number[]
  readonly limits: readonly number[]
  readonly contributions: readonly number[]
}

/** Numbers as numbers: everything asked for is below 2^53. */
const settings = { output_format_json_quote_64bit_integers: 0 } as const

/** Rows are stored in the order of their offsets, so the last one stored tells what is there. */
const storedQuery = (where: string) => `
SELECT topic_partition AS partition, toFloat64(max(topic_offset)) AS offset,
  ${timeOf('argMax(measured_at, topic_offset)')} AS measuredAt
FROM app.enriched_measurements
WHERE topic = {topic:String} AND ${where}
GROUP BY topic_partition`

/**
 * The same from the last answer on: the index on offsets finds the newest rows of a partition that is known, and the table's
 * partitions those that are not, so that the question stays small however much is stored.
 */
function storedSince(known: Progress): string {
  const partitions = known.map(({ partition }) => partition)
  const newest = known.map(
    ({ partition, offset }) => `topic_partition = ${partition} AND topic_offset >= ${offset}`,
  )
  const others = known.length === 0 ? 'true' : `topic_partition NOT IN (${partitions.join(', ')})`
  return [...newest, others].map(storedQuery).join('\nUNION ALL\n')
}

/** The name of a progress row is topic:partition. */
const rolledUpQuery = (table: string) => `
SELECT toUInt32(substring(progress_of, length({topic:String}) + 2)) AS partition,
  toFloat64(max(next_offset)) - 1 AS offset, NULL AS measuredAt
FROM ${table}
WHERE device_id = '' AND startsWith(progress_of, concat({topic:String}, ':'))
GROUP BY progress_of
HAVING offset >= 0
ORDER BY partition`

interface WarehouseReaderOptions {
  readonly clickhouse: ClickhouseClient
  /** The enriched topic, whose offsets tell the progress. */
  readonly topic: string
}

/** Reads the history of packages/contracts/clickhouse from ClickHouse. */
export function createClickhouseWarehouseReader(options: WarehouseReaderOptions): WarehouseReader {
  const { clickhouse, topic } = options
  const rows = <T>(operation: string, sql: string, parameters: Record<string, unknown>) =>
    clickhouse.rows<T>(operation, { sql, parameters, settings })
  const stored = createStoredProgress((known) =>
    rows<AppliedPosition>('the stored offsets', storedSince(known), { topic }),
  )
  const progressOf = (granularity: Granularity) =>
    granularity === 'raw'
      ? stored()
      : rows<AppliedPosition>('the progress of a roll-up', rolledUpQuery(tables[granularity]), {
          topic,
        })
  const after = async <T>(
    granularity: Granularity,
    read: () => Promise<T>,
  ): Promise<Reading<T>> => {
    const progress = await progressOf(granularity)
    return { value: await read(), progress }
  }
  return {
    metric: ({ granularity, ...parameters }) =>
      after(granularity, async () => {
        const sql = granularity === 'raw' ? rawMetric : bucketMetric(bucketViews[granularity])
        const found = await rows<MetricPoint>('a metric', sql, parameters)
        return (granularity === 'raw' ? found.map(rawPoint) : found).toReversed()
      }),
    baseline: ({ startMs, ...question }) =>
      after('1min', async () => {
        const parameters = { ...question, startMs: startMs - leadMs, firstMs: startMs }
        const found = await rows<BaselinePoint>('a baseline', baselineQuery, parameters)
        return found.toReversed()
      }),
    events: (question) =>
      after('raw', async () => {
        const { sql, parameters } = eventsStatement(question)
        const found = await rows<EventRow>('events', sql, parameters)
        return found.map(eventOf)
      }),
    channels: (deviceId) =>
      after('raw', () => rows<Channel>('channels', channelsQuery, { deviceId })),
    progress: progressOf,
    ping: async () => {
      await clickhouse.rows('a ping', { sql: 'SELECT 1' })
    },
  }
}

/** Asks for the last offset stored of each partition. One that is missing was emptied or has expired: all is read again. */
function createStoredProgress(
  ask: (known: Progress) => Promise<readonly AppliedPosition[]>,
): () => Promise<Progress> {
  let known: Progress = []
  return async () => {
    const found = await ask(known)
    const isWhole = known.every(({ partition }) => found.some((one) => one.partition === partition))
    const now = isWhole ? found : await ask([])
    known = now.toSorted((one, other) => one.partition - other.partition)
    return known
  }
}

function eventsStatement({ deviceId, before, abnormalOnly, limit }: EventsQuestion) {
  const conditions = [
    ...(abnormalOnly ? [abnormal] : []),
    ...(before === null ? [] : [beforePlace]),
  ]
  // Without an id nothing of that moment is given: no event is below the smallest.
  const beforeId = before?.eventId === '' ? '0' : before?.eventId
  const place = before === null ? {} : { beforeMs: before.measuredAtMs, beforeId }
  return { sql: eventsQuery(conditions), parameters: { deviceId, limit, ...place } }
}

function rawPoint({ timestampMs, value }: Pick<MetricPoint, 'timestampMs' | 'value'>): MetricPoint {
  const itself = { count: 1, min: value, max: value, stddev: 0, median: null, p95: null }
  return { timestampMs, value, ...itself }
}

function eventOf(row: EventRow): HistoryEvent {
  const { eventId, measuredAtMs, alertLevel, faultScore, faultReasons, revision } = row
  return {
    eventId,
    measuredAtMs,
    alertLevel,
    faultScore,
    faultReasons,
    revision,
    explanation: row.codes.map((code, index) => ({
      source: row.sources[index] ?? 'rule',
      code,
      channel: row.channels[index] ?? '',
      value: row.values[index] ?? Number.NaN,
      limit: row.limits[index] ?? Number.NaN,
      contribution: row.contributions[index] ?? Number.NaN,
    })),
  }
}
