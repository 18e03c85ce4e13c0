import type { ClickhouseClient } from '@faultline/runtime/clickhouse'
import type { Clock } from '@faultline/runtime/clock'
import type { Difference, Findings } from '../report.ts'

interface RollUpsOptions {
  readonly clickhouse: ClickhouseClient
  readonly topic: string
  readonly clock: Clock
  readonly signal?: AbortSignal
}

interface Level {
  readonly table: string
  readonly widthMs: number
  readonly daysKept: number
  /** Counts (ns) and sums (ss) by channel of each device (id) and bucket (bucket_ms) in the table. */
  readonly kept: string
}

/** Counts and sums by channel of `rows`, which give id, bucket_ms and readings. */
function addedUp(rows: string): string {
  return `SELECT id, bucket_ms, countIfForEach(usable) AS ns, sumIfForEach(wide, usable) AS ss
    FROM (
      SELECT id, bucket_ms, arrayMap(reading -> isFinite(reading), readings) AS usable,
        arrayMap(reading -> toFloat64(reading), readings) AS wide
      FROM (${rows})
    ) GROUP BY id, bucket_ms`
}

function fromFrames(table: string): string {
  return addedUp(`SELECT device_id AS id, toUnixTimestamp64Milli(bucket) AS bucket_ms, arrayJoin(frames) AS readings
    FROM ${table} WHERE device_id IN {ids:Array(String)}`)
}

function fromStates(table: string): string {
  return `SELECT device_id AS id, toUnixTimestamp64Milli(bucket) AS bucket_ms,
      countIfForEachMerge(count) AS ns, sumIfForEachMerge(sum) AS ss
    FROM ${table} WHERE device_id IN {ids:Array(String)} GROUP BY id, bucket_ms`
}

const minutes = 'app.measurements_1min'
const hours = 'app.measurements_1hour'
const days = 'app.measurements_1day'
const levels: readonly Level[] = [
  { table: minutes, widthMs: 60_000, daysKept: 29, kept: fromFrames(minutes) },
  { table: hours, widthMs: 3_600_000, daysKept: 89, kept: fromStates(hours) },
  { table: days, widthMs: 86_400_000, daysKept: 89, kept: fromStates(days) },
]

/** A step of the roll-ups may come between two questions: a difference is named when it is still there after so many. */
const readings = 4
const againAfterMs = 500
const namedMax = 5
/** Sums of the same numbers in another order. */
const relativeRounding = 1e-6

/**
 * Holds counts and sums of the roll-ups against the rows below the offsets that each roll-up states. Buckets with rows that are
 * about to expire, from the table or from the roll-up, are left out.
 */
export async function auditRollUps(
  options: RollUpsOptions,
  findings: Findings,
  devices: readonly string[],
): Promise<void> {
  for (const level of levels) {
    for (let reading = 1; ; reading += 1) {
      const found = await compareLevel(options, level, devices)
      if (found.length === 0 || reading === readings) {
        findings.add(found)
        break
      }
      await options.clock.sleep(againAfterMs, options.signal)
    }
    findings.compared('roll-ups of devices', devices.length)
  }
}

interface BucketRow {
  readonly id: string
  readonly bucket: string
  readonly channel: number
  readonly expected_count: string
  readonly actual_count: string
  readonly expected_sum: number | null
  readonly actual_sum: number | null
}

async function compareLevel(
  { clickhouse, topic }: RollUpsOptions,
  { table, widthMs, daysKept, kept }: Level,
  ids: readonly string[],
): Promise<Difference[]> {
  const progress = await clickhouse.rows<{ of: string; next: string }>('roll-up progress', {
    sql: `SELECT progress_of AS of, toString(max(next_offset)) AS next FROM ${table}
      WHERE device_id = '' AND startsWith(progress_of, {prefix:String}) GROUP BY progress_of`,
    parameters: { prefix: `${topic}:` },
  })
  if (progress.length === 0) return []
  const below = progress.map(
    ({ of, next }) =>
      `(topic_partition = ${Number(of.slice(topic.length + 1))} AND topic_offset < ${Number(next)})`,
  )
  const rows = await clickhouse.rows<BucketRow>('roll-ups of devices', {
    sql: `SELECT id, toString(bucket_ms) AS bucket, toUInt16(position - 1) AS channel,
        toString(sum(en)) AS expected_count, toString(sum(an)) AS actual_count,
        sum(es) AS expected_sum, sum(as_) AS actual_sum
      FROM
      (
        SELECT id, bucket_ms, position, n AS en, s AS es, toUInt64(0) AS an, toFloat64(0) AS as_
        FROM (${addedUp(`SELECT device_id AS id, ms - positiveModulo(ms, ${widthMs}) AS bucket_ms, readings
          FROM (
            SELECT device_id, toUnixTimestamp64Milli(measured_at) AS ms, readings FROM app.enriched_measurements
            WHERE device_id IN {ids:Array(String)} AND topic = {topic:String} AND revision = 1 AND (${below.join(' OR ')})
          )`)}
        ) ARRAY JOIN ns AS n, ss AS s, arrayEnumerate(ns) AS position
        UNION ALL
        SELECT id, bucket_ms, position, toUInt64(0), toFloat64(0), n, s
        FROM (${kept}
        ) ARRAY JOIN ns AS n, ss AS s, arrayEnumerate(ns) AS position
      )
      WHERE (id, bucket_ms) NOT IN (
        SELECT device_id, toUnixTimestamp64Milli(measured_at) - positiveModulo(toUnixTimestamp64Milli(measured_at), ${widthMs})
        FROM app.enriched_measurements
        WHERE device_id IN {ids:Array(String)} AND ingested_at < now() - INTERVAL ${daysKept} DAY
      ) AND (id, bucket_ms) NOT IN (
        SELECT device_id, toUnixTimestamp64Milli(bucket) FROM ${table}
        WHERE device_id IN {ids:Array(String)} AND ingested_at < now() - INTERVAL ${daysKept} DAY
      )
      GROUP BY id, bucket_ms, position
      HAVING sum(en) != sum(an) OR abs(sum(es) - sum(as_)) > ${relativeRounding} * (1 + abs(sum(es)))
      ORDER BY id, bucket_ms, position LIMIT ${namedMax}`,
    parameters: { ids, topic },
  })
  return rows.map((row) => ({
    store: 'clickhouse',
    key: table,
    field: `${row.id} ${new Date(Number(row.bucket)).toISOString()} channel ${row.channel}`,
    expected: `count ${row.expected_count}, sum ${row.expected_sum ?? 'none'}`,
    actual: `count ${row.actual_count}, sum ${row.actual_sum ?? 'none'}`,
    at: null,
  }))
}
