import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadPath, type LoadProgress } from '@faultline/ingest/load'
import { freshDatabase, type FreshDatabase } from '../../support/fresh-database.ts'
import { loadFolder, readRejections, type LoadFolder } from './load-folder.ts'

const header = 'measured_at,current_compressor,device_id,temp_supply_air'
const line = (minute: number, device = 'AC-0001') =>
  `2026-11-21T00:${String(minute).padStart(2, '0')}:00Z,20.5,${device},28`

const pump = `insert into device_models (model, type, channels, units)
  values ('pump', 'pump', '{pressure,flow,temp_supply_air}', '{kPa,l/s,degC}')`

test('columns go to their channels in any order, empty cells and absent channels are NULL', async () => {
  const text = `${header},car_number\r\n${line(0)},12\r\n2026-11-21 00:01,,AC-0001,,\r\n"1795219320000","7","AC-0001","1e1",`
  await using files = await loadFolder({
    'a.csv': text,
    'b.csv.gz': gzipSync(`${header}\n${line(3)}\n`),
  })
  expect(await files.load()).toMatchObject({ files: 2, rows: 4, rejected: 0 })
  const rows = await files.database.connection.query(
    'select measured_at, readings[1:4] as first, cardinality(readings) as channels, car_number from raw_measurements order by 1',
  )
  const at = (minute: number) => new Date(Date.UTC(2026, 10, 21, 0, minute))
  expect(rows).toEqual([
    { measured_at: at(0), first: [28, null, null, 20.5], channels: 100, car_number: 12 },
    { measured_at: at(1), first: [null, null, null, null], channels: 100, car_number: null },
    { measured_at: at(2), first: [10, null, null, 7], channels: 100, car_number: null },
    { measured_at: at(3), first: [28, null, null, 20.5], channels: 100, car_number: null },
  ])
})

test('bad rows are kept with their reason and place, and the others are loaded', async () => {
  const bad: [string | Buffer, string][] = [
    ['2026-02-30,1,AC-0001,2', 'CLOCK_INVALID'],
    ['2106-02-07T06:28:15Z,1,AC-0001,2', 'CLOCK_INVALID'],
    ['2026-11-21,1,,2', 'DEVICE_ID_EMPTY'],
    ['2026-11-21,1,AC\u0000,2', 'DEVICE_ID_INVALID'],
    ['2026-11-21,1,AC-0001', 'COLUMNS_INVALID'],
    ['2026-11-21,1,AC-0001,2,3', 'COLUMNS_INVALID'],
    ['2026-11-21,warm,AC-0001,2', 'VALUE_INVALID'],
    ['2026-11-21,1e39,AC-0001,2', 'VALUE_INVALID'],
    ['2026-11-21,Infinity,AC-0001,2', 'VALUE_INVALID'],
    ['2026-11-21,"1,AC-0001,2', 'TEXT_INVALID'],
    [Buffer.from('2026-11-21,1,AC\xff,2', 'latin1'), 'TEXT_INVALID'],
  ]
  const lines = bad.flatMap(([text], index) => [
    Buffer.from(`${line(index)}\n`),
    Buffer.from(text),
    Buffer.from('\n'),
  ])
  await using files = await loadFolder({
    'a.csv': Buffer.concat([Buffer.from(`${header}\n`), ...lines]),
  })
  const result = await files.load('a.csv')
  expect(result).toMatchObject({ rows: bad.length, rejected: bad.length })
  const kept = await readRejections(result.rejectedFile)
  expect(kept.map(({ reason, at }) => [reason, at])).toEqual(
    bad.map(([, reason], index) => [reason, 3 + 2 * index]),
  )
  expect(kept[0]).toMatchObject({ file: 'a.csv', raw: '2026-02-30,1,AC-0001,2', encoding: 'text' })
  expect(kept.at(-1)).toMatchObject({ encoding: 'base64' })
  expect(await files.count()).toBe(bad.length)
})

test("a device's own model decides; a device not yet registered needs the columns to fit one model", async () => {
  const ambiguous = 'device_id,measured_at,temp_supply_air'
  await using files = await loadFolder({
    'a.csv': `${ambiguous}\nP-1,2026-11-21,5\nAC-0001,2026-11-21,6\nX-1,2026-11-21,7\n`,
    'b.csv': 'device_id,measured_at,flow\nX-1,2026-11-21,8\nAC-0001,2026-11-21,9\n',
  })
  const { connection } = files.database
  await connection.query(pump)
  await connection.query(
    `insert into device_catalog (device_id, type, model) values ('P-1', 'pump', 'pump'), ('AC-0001', 'hvac', 'metro-hvac')`,
  )
  const result = await files.load()
  expect(result).toMatchObject({ rows: 3, rejected: 2 })
  expect(
    (await readRejections(result.rejectedFile)).map(({ raw, reason }) => [raw, reason]),
  ).toEqual([
    ['X-1,2026-11-21,7', 'DEVICE_UNKNOWN'],
    ['AC-0001,2026-11-21,9', 'MODEL_MISMATCH'],
  ])
  expect(
    await connection.query(
      `select device_id, readings[1:3] as readings from raw_measurements order by id`,
    ),
  ).toEqual([
    { device_id: 'P-1', readings: [null, null, 5] },
    { device_id: 'AC-0001', readings: [6, null, null] },
    { device_id: 'X-1', readings: [null, 8, null] },
  ])
})

describe('nothing is loaded, and the file is named, when', () => {
  let database: FreshDatabase
  beforeAll(async () => {
    database = await freshDatabase()
  })
  afterAll(async () => {
    await database[Symbol.asyncDispose]()
  })

  test.each([
    ['a column is no channel', 'device_id,measured_at,flow', /bad\.csv has a column .*: flow/],
    [
      'a column is missing',
      'device,measured_at,temp_supply_air',
      /bad\.csv has no column device_id/,
    ],
    ['a column comes twice', `${header},temp_supply_air`, /temp_supply_air twice/],
    ['there are no readings', 'device_id,measured_at', /no column with readings/],
    ['the file is empty', '', /bad\.csv has no header/],
  ])('%s', async (_, badHeader, message) => {
    await using files = await loadFolder(
      {
        'a.csv': `${header}\n${line(0)}\n`,
        'bad.csv': badHeader,
      },
      database,
    )
    const loading = files.load()
    await expect(loading).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' })
    await expect(loading).rejects.toThrow(message)
    expect(await files.count()).toBe(0)
  })

  test('a column belongs to another model than the rest', async () => {
    await using files = await loadFolder({ 'bad.csv': `${header},flow\n` })
    await files.database.connection.query(pump)
    await expect(files.load()).rejects.toThrow(/no single model has/)
  })

  test('the folder holds nothing to load, or is not there', async () => {
    await using files = await loadFolder({ 'notes.txt': 'hello' }, database)
    await expect(files.load()).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' })
    await expect(files.load('notes.txt')).rejects.toMatchObject({ code: 'ARGUMENT_INVALID' })
    await expect(files.load('gone.csv')).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})

test('a damaged archive ends with a rejection, and the next file is loaded', async () => {
  const lines = Array.from({ length: 5_000 }, (_, index) => line(index % 60, `AC-${index}`))
  const packed = gzipSync(`${header}\n${lines.join('\n')}\n`)
  await using files = await loadFolder({
    'a.csv.gz': packed.subarray(0, packed.length - 2_000),
    'b.csv': `${header}\n${line(0, 'last')}\n`,
  })
  const result = await files.load()
  expect(result.rejected).toBeGreaterThanOrEqual(1)
  expect((await readRejections(result.rejectedFile)).at(-1)).toMatchObject({
    file: 'a.csv.gz',
    reason: 'FILE_UNREADABLE',
  })
  expect(
    await files.database.connection.query(
      `select 1 as found from raw_measurements where device_id = 'last'`,
    ),
  ).toHaveLength(1)
})

test('what is loaded again is stored once, whatever its name is', async () => {
  const text = `${header}\n${line(0)}\nnonsense\n${line(1)}\n`
  await using files = await loadFolder({ 'a.csv': text, 'b.csv': text, 'c.csv': `${header}\n` })
  // Two of the three have the same contents.
  expect(await files.load()).toMatchObject({ files: 3, known: 1, rows: 2, rejected: 1 })
  expect(await files.load()).toMatchObject({ files: 3, known: 3, rows: 0, rejected: 0 })
  await writeFile(join(files.folder, 'b.csv'), `${text}${line(2)}\n`)
  expect(await files.load('b.csv')).toMatchObject({ files: 1, known: 0, rows: 3 })
  expect(await files.count()).toBe(5)
})

/** 30,000 rows, each with a number of its own, and three bad ones. */
function longTable(): string {
  const bad = new Set([5, 9_999, 29_000])
  const lines = Array.from({ length: 30_000 }, (_, index) =>
    bad.has(index) ? `${line(index % 60)},x` : `${line(index % 60)},${index}`,
  )
  return `${header},car_number\n${lines.join('\n')}\n`
}

async function expectAllOfLongTable(files: LoadFolder): Promise<void> {
  const { connection } = files.database
  expect(
    await connection.query(
      'select count(*)::int as rows, count(distinct car_number)::int as different from raw_measurements',
    ),
  ).toEqual([{ rows: 29_997, different: 29_997 }])
  expect(
    await connection.query(
      `select position::int, written::int, rejected::int, mark, completed_at is not null as completed
       from ingest_ledger where source = 'load'`,
    ),
  ).toEqual([{ position: 30_000, written: 29_997, rejected: 3, mark: 'a.csv', completed: true }])
}

test('a load that is interrupted stops reading and says how many rows are in the database; the next one goes on there', async () => {
  await using files = await loadFolder({ 'a.csv': longTable() })
  const interrupt = new AbortController()
  const result = await loadPath({
    path: join(files.folder, 'a.csv'),
    databaseUrl: files.database.databaseUrl,
    rejectedFolder: join(files.folder, 'rejected'),
    onProgress: () => {
      interrupt.abort()
    },
    signal: interrupt.signal,
  })
  expect(result.interrupted).toBe(true)
  expect(result.rows).toBeGreaterThan(0)
  expect(result.rows).toBeLessThan(29_997)
  expect(await files.count()).toBe(result.rows)
  const rest = await files.load('a.csv')
  expect([rest.rows, rest.rejected]).toEqual([29_997 - result.rows, 3 - result.rejected])
  await expectAllOfLongTable(files)
})

test('two loads of one file at the same time store it once', async () => {
  await using files = await loadFolder({ 'a.csv': longTable() })
  const [one, two] = await Promise.allSettled([files.load(), files.load()])
  const failed = [one, two].filter(({ status }) => status === 'rejected')
  for (const { reason } of failed as PromiseRejectedResult[]) {
    expect(reason).toMatchObject({ code: 'ALREADY_RUNNING' })
  }
  // The one that did not fail has all of it, unless each has stood in the way of the other.
  await files.load()
  await expectAllOfLongTable(files)
})

test('a load whose database goes away says how many rows are in it and where the rejected ones are; the next one goes on', async () => {
  await using files = await loadFolder({ 'a.csv': longTable() })
  const told: LoadProgress[] = []
  let cut: Promise<unknown> | undefined
  const loading = loadPath({
    path: join(files.folder, 'a.csv'),
    databaseUrl: files.database.databaseUrl,
    rejectedFolder: join(files.folder, 'rejected'),
    onProgress: (progress) => {
      told.push(progress)
      cut ??= files.database.connection.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where application_name = 'faultline-load' and datname = current_database()`,
      )
    },
  })
  await expect(loading).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
  await cut
  const last = told.at(-1)
  expect(last?.rows).toBe(told.at(-2)?.rows)
  // The answer to the batch on its way may be what was lost.
  const unsure = (await files.count()) - (last?.rows ?? 0)
  expect(unsure).toBeGreaterThanOrEqual(0)
  expect(unsure).toBeLessThanOrEqual(2_000)
  const kept = await readRejections(last?.rejectedFile ?? null)
  expect(kept).toHaveLength(last?.rejected ?? NaN)
  expect(kept[0]).toMatchObject({ at: 7, reason: 'CAR_NUMBER_INVALID' })
  await files.load('a.csv')
  await expectAllOfLongTable(files)
})
