import type { RollUpLevel } from './warehouse-writer.ts'

/** The rows of a partition's offsets; parameters topic, partition, start, end. */
export const rangeOfSource = `topic = {topic:String} AND topic_partition = {partition:UInt32}
      AND topic_offset >= {start:UInt64} AND topic_offset < {end:UInt64}`

/**
 * Takes the first revisions of a range into a roll-up. The row that records the progress, next_offset = end, is one more row
 * of the same INSERT. Parameters: those of rangeOfSource, progressOf, ingestedAt (epoch seconds).
 */
export function rollUpStatement(level: RollUpLevel): string {
  return level === '1min' ? framesStatement : statesStatement(level)
}

const bucket = (widthMs: number) =>
  `fromUnixTimestamp64Milli(ms - positiveModulo(ms, ${widthMs}), 'UTC')`
const noBucket = `fromUnixTimestamp64Milli(toInt64(0), 'UTC')`

/** A minute keeps the rows' readings as they are (packages/contracts/clickhouse/009_minute_frames.sql). */
const framesStatement = `INSERT INTO app.measurements_1min
    (device_id, bucket, progress_of, model, next_offset, ingested_at, frames)
  SELECT device_id, ${bucket(60_000)}, '', model, toUInt64(0), toDateTime({ingestedAt:UInt32}, 'UTC'), [readings]
  FROM
  (
    SELECT device_id, model, readings, toUnixTimestamp64Milli(measured_at) AS ms
    FROM app.enriched_measurements
    WHERE ${rangeOfSource} AND revision = 1
  )
  UNION ALL
  SELECT '', ${noBucket}, {progressOf:String}, '', {end:UInt64}, toDateTime({ingestedAt:UInt32}, 'UTC'), []`

const widthMs = { '1hour': 3_600_000, '1day': 86_400_000 } as const

/** The states are those that the tables declare (003_measurements_1hour.sql, 004_measurements_1day.sql). */
function statesStatement(level: keyof typeof widthMs): string {
  return `INSERT INTO app.measurements_${level}
  SELECT
    device_id,
    bucket,
    progress_of,
    max(next_offset),
    toDateTime({ingestedAt:UInt32}, 'UTC'),
    anyLast(model),
    countIfForEachState(usable),
    sumIfForEachState(wide, usable),
    minIfForEachState(readings, usable),
    maxIfForEachState(readings, usable),
    stddevPopStableIfForEachState(wide, usable),
    quantilesDeterministicIfForEachState(0.5, 0.95)(readings, ids, usable)
  FROM
  (
    SELECT
      device_id,
      ${bucket(widthMs[level])} AS bucket,
      '' AS progress_of,
      toUInt64(0) AS next_offset,
      model,
      readings,
      arrayMap(reading -> isFinite(reading), readings) AS usable,
      arrayMap(reading -> toFloat64(reading), readings) AS wide,
      arrayWithConstant(length(readings), event_id) AS ids,
      toUnixTimestamp64Milli(measured_at) AS ms
    FROM app.enriched_measurements
    WHERE ${rangeOfSource} AND revision = 1
    UNION ALL
    SELECT '', ${noBucket}, {progressOf:String}, {end:UInt64}, '', [], [], [], [], 0
  )
  GROUP BY device_id, bucket, progress_of`
}
