import type { ClickhouseClient } from '@faultline/runtime/clickhouse'
import {
  rollUpLevels,
  type RollUpLevel,
  type WarehouseWriter,
} from '../../apps/clickhouse-sink/src/warehouse/warehouse-writer.ts'

export const topic = 'history'
export const days = 7
const minutes = days * 1_440
/** Long ago, so that an hour's, a day's and a week's question end where the data ends. */
export const startMs = Date.UTC(2026, 0, 5)
const rowsPerInsert = 1_000_000

/** Rows of a partition of the topic. A frame a device and minute for seven days, or of `minutes`, whatever was given. */
interface Rows {
  readonly partition: number
  readonly devices: number
  readonly minutes: number
  readonly channels: number
  /** Epoch seconds. */
  readonly ingestedAt: number
}

/** As many devices as make `rows` in seven days. */
export function week(partition: number, rows: number, channels: number): Rows {
  const devices = Math.max(1, Math.round(rows / minutes))
  const ingestedAt = Math.floor(Date.now() / 1_000)
  return { partition, devices, minutes, channels, ingestedAt }
}

/**
 * Writes rows in place: drifting readings in steps of a tenth, one row in twelve with an alert; merged, so that merging them is not in the figures of
 * what follows. Returns how many.
 */
export async function generateRows(client: ClickhouseClient, rows: Rows): Promise<number> {
  const { partition, devices, minutes, channels, ingestedAt } = rows
  const count = devices * minutes
  for (let from = 0; from < count; from += rowsPerInsert) {
    await client.run('rows', {
      sql: `INSERT INTO app.enriched_measurements (event_id, device_id, type, model, name, location, measured_at, readings,
          fault_score, alert_level, fault_reasons, features, catalog_lsn, revision, committed_at, enriched_at, source_partition,
          source_offset, source_lsn, topic, topic_partition, topic_offset, ingested_at)
        SELECT number, concat('AC-', leftPad(toString(number % ${devices}), 6, '0')), 'hvac', 'bench', 'Unit', 'Depot North',
          fromUnixTimestamp64Milli(toInt64(${startMs} + intDiv(number, ${devices}) * 60000 + number % 60000), 'UTC') AS at,
          arrayMap(i -> toFloat32(round(20 + i + 5 * sin(number / ${devices} / 200 + i + number % ${devices})
            + (cityHash64(number, i) % 11) / 10, 1)), range(${channels})),
          if(sipHash64(number) % 12 = 0, 0.6, 0) AS score, if(score > 0, 'warning', 'normal'), if(score > 0, ['HIGH_TEMP'], []),
          map('max_z', 2.5, 'events', 120.0), 1, 1, at + 0.4, at + 0.45, ${partition}, number, number, '${topic}', ${partition}, number,
          toDateTime(${ingestedAt}, 'UTC')
        FROM numbers(${from}, ${Math.min(rowsPerInsert, count - from)})`,
      settings: { max_insert_threads: '1', min_insert_block_size_rows: '100000' },
    })
  }
  await client.run('merging', { sql: 'OPTIMIZE TABLE app.enriched_measurements FINAL' })
  return count
}

/** Takes everything below `end` into each roll-up, in steps of `stepRows` at most. Returns the server's µs of processor a row. */
export async function rollUpAll(
  writer: WarehouseWriter,
  { partition, end, stepRows }: { partition: number; end: number; stepRows: number },
  cpuSeconds: () => Promise<number>,
): Promise<Readonly<Record<RollUpLevel, number>>> {
  const us = { '1min': 0, '1hour': 0, '1day': 0 }
  for (const level of rollUpLevels) {
    const before = await cpuSeconds()
    let next = 0
    while (next < end) {
      next = await writer.rollUp({ topic, partition }, level, Math.min(end, next + stepRows))
    }
    us[level] = Math.round((((await cpuSeconds()) - before) / end) * 1e7) / 10
  }
  return us
}
