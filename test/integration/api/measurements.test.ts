import { expect, onTestFinished, test } from 'vitest'
import { createFleet, registerUnits } from '@faultline/load-generator/fleet'
import { createLoad, measurementJson } from '@faultline/load-generator/generate'
import { connectPostgres } from '@faultline/runtime/postgres'
import { connection } from '../../support/connection.ts'
import { eventually } from '../../support/eventually.ts'
import { freshDatabase, type FreshDatabase } from '../../support/fresh-database.ts'
import { startApi, type ApiProcess } from './api-process.ts'
import { openLine } from './cut.ts'

interface Counts {
  readonly accepted: number
  readonly rejected: number
  readonly replayed: boolean
}

const fleet = createFleet({ seed: 3, units: 50, idPrefix: 'GEN' })
const load = createLoad({
  fleet,
  seed: 3,
  // In a month that has its partition: none is made while a test holds the table.
  startMs: Math.floor(Date.now() / 1_000) * 1_000,
  rowsPerSecond: 100,
  lateShare: 0.05,
  badShare: 0.05,
  defects: ['clock', 'device-id', 'channels'],
})

/** Items `from` to `to` of the load as lines, and how many of them are good. */
function part(from: number, to: number) {
  const rows = Array.from({ length: to - from }, (_, n) => load(from + n))
  const body = rows.map(({ row }) => `${measurementJson(row)}\n`).join('')
  const good = rows.filter(({ defect }) => defect === undefined).map(({ row }) => row)
  return { body, good, bad: rows.length - good.length }
}

async function startOn(databaseUrl: string): Promise<ApiProcess> {
  const { redisUrl, clickhouseUrl } = connection()
  const api = await startApi({ redisUrl, clickhouseUrl, databaseUrl })
  onTestFinished(async () => {
    await api.stop()
  })
  return api
}

async function post(api: ApiProcess, body: string, key?: string) {
  const response = await fetch(`${api.origin}/api/measurements`, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-ndjson',
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
    body,
  })
  const answer = (await response.json()) as Counts & { readonly code?: string }
  return { status: response.status, answer }
}

async function stored({ connection }: FreshDatabase): Promise<number> {
  const [row] = await connection.query<{ rows: number }>(
    'select count(*)::int as rows from raw_measurements',
  )
  return row?.rows ?? Number.NaN
}

test('what is accepted is in PostgreSQL as it was given, and what is refused is counted', async () => {
  await using database = await freshDatabase()
  await registerUnits(database.connection, fleet)
  const api = await startOn(database.databaseUrl)
  const { body, good, bad } = part(0, 3_000)
  const { status, answer } = await post(api, body)
  expect([status, answer.accepted, answer.rejected]).toEqual([202, good.length, bad])
  const rows = await database.connection.query(
    'select device_id, measured_at, readings, car_number from raw_measurements order by id',
  )
  expect(
    rows.map((row) => ({
      deviceId: row['device_id'] as string,
      measuredAtMs: (row['measured_at'] as Date).getTime(),
      readings: Float32Array.from(row['readings'] as number[]),
      carNumber: row['car_number'] as number,
    })),
  ).toEqual(good)
})

test('a device and a model that come after the start are known within seconds', async () => {
  await using database = await freshDatabase()
  const api = await startOn(database.databaseUrl)
  const item = { device_id: 'LATE-1', measured_at: Date.now(), readings: { own_channel: 4 } }
  expect((await post(api, JSON.stringify(item))).answer).toMatchObject({ accepted: 0, rejected: 1 })
  await database.connection.query(
    `insert into device_models (model, type, channels, units) values ('own', 'own', '{a,own_channel}', '{m,m}')`,
  )
  await database.connection.query(
    `insert into device_catalog (device_id, type, model) values ('LATE-1', 'own', 'own')`,
  )
  await eventually(async () => {
    expect((await post(api, JSON.stringify(item))).answer).toMatchObject({ accepted: 1 })
  })
  expect(await database.connection.query('select readings from raw_measurements')).toEqual([
    { readings: [null, 4] },
  ])
})

test('many callers at once, some with the same key, are each written once', async () => {
  await using database = await freshDatabase()
  await registerUnits(database.connection, fleet)
  const [one, two] = await Promise.all([
    startOn(database.databaseUrl),
    startOn(database.databaseUrl),
  ])
  const keys = 40
  const posts = Array.from({ length: keys }, (_, n) => part(n * 50, n * 50 + 50))
  const results = await Promise.all(
    // Each key four times, by two processes.
    [one, two, one, two].flatMap((api) =>
      posts.map(async ({ body }, n) => ({ n, ...(await post(api, body, `key-${n}`)) })),
    ),
  )
  for (const { n, status, answer } of results) {
    expect([status, answer.accepted, answer.rejected]).toEqual([
      202,
      posts[n]?.good.length,
      posts[n]?.bad,
    ])
  }
  const first = results.filter(({ answer }) => !answer.replayed)
  expect(first.map(({ n }) => n).toSorted((a, b) => a - b)).toEqual(posts.map((_, n) => n))
  expect(await stored(database)).toBe(posts.reduce((sum, { good }) => sum + good.length, 0))
})

/** From now on a commit of the ledger takes a while, in which a test can break what waits for it. */
async function slowCommits({ connection }: FreshDatabase): Promise<void> {
  await connection.query(
    `create function slow_commit() returns trigger language plpgsql as $$ begin perform pg_sleep(2); return null; end $$`,
  )
  await connection.query(
    `create constraint trigger slow_commit after insert on ingest_ledger
     deferrable initially deferred for each row execute function slow_commit()`,
  )
}

const committing = ({ connection }: FreshDatabase) =>
  eventually(async () => {
    const [found] = await connection.query<{ commits: number }>(
      `select count(*)::int as commits from pg_stat_activity
       where datname = current_database() and query = 'commit' and wait_event = 'PgSleep'`,
    )
    expect(found?.commits).toBe(1)
  })

test('an API that is killed while PostgreSQL commits: who sends again is told the counts, nothing is there twice', async () => {
  await using database = await freshDatabase()
  await registerUnits(database.connection, fleet)
  await slowCommits(database)
  const api = await startOn(database.databaseUrl)
  const { body, good, bad } = part(0, 500)
  const lost = post(api, body, 'mine').catch((error: unknown) => error)
  await committing(database)
  process.kill(api.pid, 'SIGKILL')
  expect(await lost).toBeInstanceOf(Error)

  const next = await startOn(database.databaseUrl)
  const { status, answer } = await post(next, body, 'mine')
  expect(status).toBe(202)
  expect(answer).toMatchObject({ accepted: good.length, rejected: bad, replayed: true })
  expect(await stored(database)).toBe(good.length)
})

test('a connection that breaks during the commit is a 503, and the same request again is written once', async () => {
  await using database = await freshDatabase()
  await registerUnits(database.connection, fleet)
  await slowCommits(database)
  const url = new URL(database.databaseUrl)
  const line = await openLine(new URL(url))
  url.port = String(line.port)
  const api = await startOn(url.href)
  const { body, good } = part(0, 500)
  const first = post(api, body, 'mine')
  await committing(database)
  await line.cut()
  expect(await first).toMatchObject({ status: 503, answer: { code: 'DATABASE_UNAVAILABLE' } })
  // While it is away nobody waits.
  expect((await post(api, body, 'mine')).status).toBe(503)
  await line.mend()
  await eventually(async () => {
    const { status, answer } = await post(api, body, 'mine')
    expect([status, answer.accepted, answer.replayed]).toEqual([202, good.length, true])
  })
  expect(await stored(database)).toBe(good.length)
  await line.cut()
})

test('a server process that is ended in the middle of a copy leaves nothing of it', async () => {
  await using database = await freshDatabase()
  await registerUnits(database.connection, fleet)
  const api = await startOn(database.databaseUrl)
  // Rows cannot get in, so the copy is under way for as long as this transaction is. A connection of its own, because what
  // pg_stat_activity shows stands still in a transaction.
  const { databaseUrl } = database
  const holder = await connectPostgres({ databaseUrl, applicationName: 'test-holder' })
  await holder.query('begin')
  await holder.query('lock table raw_measurements in exclusive mode')
  const { body, good } = part(0, 2_000)
  const first = post(api, body, 'mine')
  await eventually(async () => {
    const ended = await database.connection.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and query ilike 'copy raw_measurements%' and wait_event_type = 'Lock'`,
    )
    expect(ended).toHaveLength(1)
  })
  await holder.close()
  expect((await first).status).toBe(503)
  expect(await stored(database)).toBe(0)
  expect((await post(api, body, 'mine')).answer).toMatchObject({
    accepted: good.length,
    replayed: false,
  })
  expect(await stored(database)).toBe(good.length)
})

test('an API that is stopped answers what it has taken', async () => {
  await using database = await freshDatabase()
  await registerUnits(database.connection, fleet)
  await slowCommits(database)
  const api = await startOn(database.databaseUrl)
  const { body, good } = part(0, 100)
  const answer = post(api, body, 'mine')
  await committing(database)
  await api.stop()
  expect(await answer).toMatchObject({ status: 202, answer: { accepted: good.length } })
  expect(await stored(database)).toBe(good.length)
})
