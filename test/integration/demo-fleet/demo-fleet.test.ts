import { expect, test } from 'vitest'
import { systemClock } from '@faultline/runtime/clock'
import { Scope } from '@faultline/runtime/lifecycle'
import { createLogger } from '@faultline/runtime/logging'
import { parseConfig } from '../../../apps/demo-fleet/src/config.ts'
import { startDemoFleet } from '../../../apps/demo-fleet/src/demo-fleet.ts'
import { eventually } from '../../support/eventually.ts'
import { freshDatabase, type FreshDatabase } from '../../support/fresh-database.ts'

const backFilled = 12_000

/** The fleet as its main.ts runs it, until the scope is stopped. */
async function startFleet({
  databaseUrl,
}: FreshDatabase): Promise<{ scope: Scope; failures: unknown[] }> {
  const scope = new Scope()
  const failures: unknown[] = []
  const config = parseConfig({
    DATABASE_URL: databaseUrl,
    OPS_LISTEN: '127.0.0.1:0',
    DEMO_ROWS_PER_SECOND: '500',
  })
  const logger = createLogger('demo-fleet', 'silent')
  await startDemoFleet(
    config,
    { scope, logger, fail: (error) => failures.push(error) },
    systemClock,
  )
  return { scope, failures }
}

async function count({ connection }: FreshDatabase): Promise<number> {
  const [row] = await connection.query<{ rows: number }>(
    'select count(*)::int as rows from raw_measurements',
  )
  return row?.rows ?? Number.NaN
}

const rowsAbove = (database: FreshDatabase, rows: number) =>
  eventually(async () => {
    expect(await count(database)).toBeGreaterThan(rows)
  })

test('a new fleet has a past of two hours, then reports live; a restart adds no second past', async () => {
  await using database = await freshDatabase()
  const { connection } = database
  const first = await startFleet(database)
  await rowsAbove(database, backFilled + 500)
  await first.scope.stop()
  const stoppedAt = await count(database)

  expect(
    await connection.query(
      'select count(*)::int as units, count(distinct line)::int as lines from device_catalog',
    ),
  ).toEqual([{ units: 500, lines: 12 }])
  expect(
    await connection.query(
      `select count(distinct device_id)::int as units, max(measured_at) - min(measured_at) between '2 hours' and '2 hours 1 minute' as two_hours
       from raw_measurements`,
    ),
  ).toEqual([{ units: 500, two_hours: true }])

  const second = await startFleet(database)
  await rowsAbove(database, stoppedAt)
  await second.scope.stop()
  expect(await count(database)).toBeLessThan(stoppedAt + backFilled)
  expect([...first.failures, ...second.failures]).toEqual([])
})

test('the fleet goes on when its connection is broken, and reports what fell due meanwhile', async () => {
  await using database = await freshDatabase()
  const { scope, failures } = await startFleet(database)
  await rowsAbove(database, backFilled)
  const before = await count(database)
  expect(
    await database.connection.query(
      `select pg_terminate_backend(pid) as ended from pg_stat_activity
       where application_name = 'demo-fleet' and datname = current_database()`,
    ),
  ).toEqual([{ ended: true }])
  await rowsAbove(database, before + 1_000)
  await scope.stop()
  expect(failures).toEqual([])
  // No report of the live time is missing: one every 2 ms, also where the connection was broken.
  const [gap] = await database.connection.query<{ longest: number }>(
    `select max(gap)::int as longest from (
       select extract(epoch from measured_at - lag(measured_at) over (order by id)) * 1000 as gap
       from raw_measurements offset $1) as gaps`,
    [backFilled + 1],
  )
  expect(gap?.longest).toBeLessThanOrEqual(2)
})
