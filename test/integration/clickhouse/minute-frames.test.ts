import { readFile } from 'node:fs/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { clickhouseMigrationsFolder } from '@faultline/contracts/clickhouse-migrations'
import { rollUpLevels } from '../../../apps/clickhouse-sink/src/warehouse/warehouse-writer.ts'
import { statements } from '../../../packages/runtime/src/clickhouse/migrate.ts'
import { ClickhouseProcess } from '../../support/clickhouse-process.ts'
import {
  expectSameRollUp,
  openClickhouse,
  readRollUp,
  type ClickhouseWarehouse,
} from '../../support/clickhouse-warehouse.ts'
import { enrichedMeasurement } from '../../support/enriched-measurements.ts'

/** Hypothesis: an installation with the old states of minutes comes to the same minutes as a new one, and a step stays one part. */
const source = { topic: 'enriched', partition: 0 }
const ingestedAt = Math.floor(Date.now() / 1_000)
const t0 = Date.UTC(2016, 0, 2)

let server: ClickhouseProcess
let warehouse: ClickhouseWarehouse
beforeEach(async () => {
  server = await ClickhouseProcess.start()
  warehouse = openClickhouse(server.url)
  await warehouse.writer.ensure()
})
afterEach(async () => {
  await warehouse.close()
  await server.remove()
})

const run = (sql: string) => warehouse.client.run('a test', { sql })
const measurements = (count: number, channels: number) =>
  Array.from({ length: count }, (_, offset) => ({
    offset,
    measurement: enrichedMeasurement({
      event_id: String(offset),
      device_id: `device-${offset % 7}`,
      measured_at: t0 + offset * 2_000,
      readings: Array.from({ length: channels }, (_reading, i) => (offset * 31 + i * 7) % 1_009),
    }),
  }))

it('fills the minutes of an installation from before again', async () => {
  const rows = measurements(300, 3)
  await warehouse.writer.insertRange({ ...source, start: 0, end: 300, ingestedAt }, rows, false)
  await run('DROP TABLE app.measurements_1min SYNC')
  const before = new URL('002_measurements_1min.sql', clickhouseMigrationsFolder)
  for (const statement of statements(await readFile(before, 'utf8'))) await run(statement)
  await run(`INSERT INTO app.measurements_1min (device_id, progress_of, next_offset, ingested_at)
    VALUES ('', 'enriched:0', 300, now())`)
  await run(
    `ALTER TABLE app.schema_migrations DELETE WHERE startsWith(name, '009') SETTINGS mutations_sync = 1`,
  )
  expect(await warehouse.writer.rolledUpTo(source, '1min')).toBe(300)

  await warehouse.writer.ensure()
  expect(await warehouse.writer.rolledUpTo(source, '1min')).toBe(0)
  expect(await warehouse.writer.rollUp(source, '1min', 300)).toBe(300)
  expectSameRollUp(await readRollUp(warehouse.client, '1min', 'device-'), rows, '1min')
})

it('writes rows and progress of a step as one part', async () => {
  for (const level of rollUpLevels) await run(`SYSTEM STOP MERGES app.measurements_${level}`)
  const rows = measurements(5_000, 100)
  await warehouse.writer.insertRange({ ...source, start: 0, end: 5_000, ingestedAt }, rows, false)
  for (const level of rollUpLevels) {
    expect(await warehouse.writer.rollUp(source, level, 5_000)).toBe(5_000)
    const parts = await warehouse.client.rows('a test', {
      sql: `SELECT toUInt32(count()) AS parts FROM system.parts
        WHERE active AND database = 'app' AND table = {table:String}`,
      parameters: { table: `measurements_${level}` },
    })
    expect(parts, level).toEqual([{ parts: 1 }])
  }
})

it('keeps the channels of two models of a device apart', async () => {
  const rows = ['a', 'b', 'a'].map((model, offset) => ({
    offset,
    measurement: enrichedMeasurement({ measured_at: t0, model, readings: [offset] }),
  }))
  await warehouse.writer.insertRange({ ...source, start: 0, end: 3, ingestedAt }, rows, false)
  await warehouse.writer.rollUp(source, '1min', 3)
  const found = await warehouse.client.rows('a test', {
    sql: 'SELECT model, toUInt32(count) AS count, sum, p95 FROM app.metrics_1min ORDER BY model',
  })
  expect(found).toEqual([
    { model: 'a', count: 2, sum: 2, p95: expect.closeTo(1.9) as number },
    { model: 'b', count: 1, sum: 1, p95: 1 },
  ])
})
