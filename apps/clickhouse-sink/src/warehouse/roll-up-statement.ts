import type { RollUpLevel } from './warehouse-writer.ts'

/** How a level's states are built; they are the states that its table declares (packages/contracts/clickhouse). */
const levels: Readonly<Record<RollUpLevel, { widthMs: number; quantiles: string }>> = {
  '1min': {
    widthMs: 60_000,
    quantiles: 'quantilesExactInclusiveIfForEachState(0.5, 0.95)(readings, usable)',
  },
  '1hour': {
    widthMs: 3_600_000,
    quantiles: 'quantilesDeterministicIfForEachState(0.5, 0.95)(readings, ids, usable)',
  },
  '1day': {
    widthMs: 86_400_000,
    quantiles: 'quantilesDeterministicIfForEachState(0.5, 0.95)(readings, ids, usable)',
  },
}

/** The rows of a partition's offsets; parameters topic, partition, start, end. */
export const rangeOfSource = `topic = {topic:String} AND topic_partition = {partition:UInt32}
      AND topic_offset >= {start:UInt64} AND topic_offset < {end:UInt64}`

/**
 * Takes the first revisions of a range into a roll-up. The row that records the progress, next_offset = end, is one more group
 * of the same INSERT. Parameters: those of rangeOfSource, progressOf, ingestedAt (epoch seconds).
 */
export function rollUpStatement(level: RollUpLevel): string {
  const { widthMs, quantiles } = levels[level]
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
    ${quantiles}
  FROM
  (
    SELECT
      device_id,
      fromUnixTimestamp64Milli(ms - positiveModulo(ms, ${widthMs}), 'UTC') AS bucket,
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
    SELECT '', fromUnixTimestamp64Milli(toInt64(0), 'UTC'), {progressOf:String}, {end:UInt64}, '', [], [], [], [], 0
  )
  GROUP BY device_id, bucket, progress_of`
}
