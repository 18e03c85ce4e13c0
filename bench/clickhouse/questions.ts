import type { ClickhouseClient } from '@faultline/runtime/clickhouse'
import { createClickhouseWarehouseReader } from '../../apps/api/src/adapters/clickhouse-warehouse-reader.ts'
import { median, spread } from '../statistics.ts'
import { days, startMs, topic } from './history.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const endMs = startMs + days * dayMs
const channel = 'c5'

/** What the API asks for a page of one device, and what a report asks of the fleet. Median, smallest and largest ms. */
export async function measureQuestions(client: ClickhouseClient, channels: number, runs: number) {
  await client.run('the model', { sql: 'TRUNCATE TABLE app.device_models' })
  await client.run('the model', {
    sql: `INSERT INTO app.device_models
      SELECT 'bench', 'hvac', arrayMap(i -> concat('c', toString(i)), range(${channels})), [], 1`,
  })
  const reader = createClickhouseWarehouseReader({ clickhouse: client, topic })
  const deviceId = 'AC-000000'
  const metric = (granularity: 'raw' | '1min' | '1hour' | '1day', ms: number) => () =>
    reader.metric({ deviceId, channel, granularity, startMs: endMs - ms, endMs, limit: 10_000 })
  const report = (sql: string) => () => client.rows('a report', { sql })
  const questions: Readonly<Record<string, () => Promise<unknown>>> = {
    'a channel of a device, raw, 1 day': metric('raw', dayMs),
    'by minute, 1 day': metric('1min', dayMs),
    'by minute, 7 days': metric('1min', days * dayMs),
    'by hour, 7 days': metric('1hour', days * dayMs),
    'by day, 7 days': metric('1day', days * dayMs),
    'anomalies, 24 hours': () =>
      reader.baseline({ deviceId, channel, startMs: endMs - dayMs, endMs, limit: 10_000 }),
    'events, newest 50': () =>
      reader.events({ deviceId, before: null, abnormalOnly: true, limit: 50 }),
    'channels of a device': () => reader.channels(deviceId),
    'fleet: a channel by hour, 7 days': report(
      `SELECT bucket, sum(sum) / sum(count) AS mean, max(max) AS top FROM app.metrics_1hour
       WHERE channel = 5 GROUP BY bucket ORDER BY bucket`,
    ),
    'fleet: alerts by day and level': report(
      `SELECT toDate(measured_at) AS day, alert_level, count() AS events FROM app.enriched_measurements
       WHERE revision = 1 GROUP BY day, alert_level ORDER BY day`,
    ),
    'fleet: worst ten devices by share of alerts': report(
      `SELECT device_id, avg(fault_score > 0.5) AS share FROM app.enriched_measurements
       WHERE revision = 1 GROUP BY device_id ORDER BY share DESC LIMIT 10`,
    ),
  }
  const found: Record<string, { medianMs: number; spread: readonly [number, number] }> = {}
  for (const [name, ask] of Object.entries(questions)) {
    await ask()
    const times: number[] = []
    for (let run = 0; run < runs; run += 1) {
      const startedMs = performance.now()
      await ask()
      times.push(performance.now() - startedMs)
    }
    found[name] = { medianMs: median(times), spread: spread(times) }
  }
  return found
}

/** Bytes on disk by table and reading, as the parts lie after the writing. */
export async function bytesPerPoint(client: ClickhouseClient, points: number) {
  const tables = await client.rows<{ table: string; bytes: string }>('sizes', {
    sql: `SELECT table, toString(sum(bytes_on_disk)) AS bytes FROM system.parts
      WHERE active AND database = 'app' AND table LIKE '%measurements%' GROUP BY table ORDER BY table`,
  })
  const entries = tables.map(({ table, bytes }) => {
    return [table, Math.round((Number(bytes) / points) * 1_000) / 1_000] as const
  })
  return Object.fromEntries(entries)
}
