import { describe, expect, test } from 'vitest'
import { connectPostgres, type PostgresConnection } from '@faultline/runtime/postgres'
import { keepMonths } from '../../../apps/postgres-keeper/src/months.ts'
import { eventually } from '../../support/eventually.ts'
import { freshDatabase } from '../../support/fresh-database.ts'

/** Hypothesis: old months go, months in use stay, and no writer waits longer than the drop may wait itself. */

const insertAt = (connection: PostgresConnection, time: string) =>
  connection.query(
    `insert into raw_measurements (device_id, measured_at, readings) values ('AC-0001', $1, '{1}')`,
    [time],
  )

async function months(connection: PostgresConnection): Promise<string[]> {
  const found = await connection.query<{ partition: string }>(
    'select partition from faultline_months order by ends_at',
  )
  return found.map(({ partition }) => partition)
}

/** As if every month had been seen to change long ago. */
const letTimePass = (connection: PostgresConnection) =>
  connection.query(`update faultline_partition_changes set changed_at = now() - interval '91 days'`)

/** The statistics of inserts are written when a session has been idle for a second, or ends. */
const flushed = (connection: PostgresConnection) =>
  connection.query('select pg_stat_force_next_flush()')

const round = (connection: PostgresConnection, mayDrop = true) =>
  keepMonths(connection, { retentionDays: 90, mayDrop })

async function withOldMonth(connection: PostgresConnection): Promise<void> {
  await connection.query(`select faultline_ensure_partitions('2020-01-01Z', '2020-01-31Z')`)
  await insertAt(connection, '2020-01-05Z')
  await round(connection)
  await letTimePass(connection)
}

describe('the months of raw_measurements', () => {
  test('are made ahead, and dropped once they ended and rested', async () => {
    await using database = await freshDatabase()
    const { connection } = database
    await withOldMonth(connection)
    const before = await months(connection)
    const ahead = new Date()
    ahead.setUTCMonth(ahead.getUTCMonth() + 2, 1)
    const name = `raw_measurements_${ahead.toISOString().slice(0, 7).replace('-', '_')}`
    expect(before).toEqual(expect.arrayContaining(['raw_measurements_2020_01', name]))
    const kept = await round(connection)
    expect(kept).toEqual({ made: 0, dropped: ['raw_measurements_2020_01'], busy: [] })
    expect(await months(connection)).toEqual(before.slice(1))
    await insertAt(connection, '2020-01-05Z')
  })

  test('stay while history is being written to them, and while rows may not be captured', async () => {
    await using database = await freshDatabase()
    const { connection } = database
    await withOldMonth(connection)
    expect((await round(connection, false)).dropped).toEqual([])
    await flushed(connection)
    await insertAt(connection, '2020-01-06Z')
    await eventually(async () => {
      await flushed(connection)
      await connection.query('select faultline_note_partition_changes()')
      const [changed] = await connection.query<{ age: number }>(
        `select extract(days from now() - changed_at)::int as age from faultline_partition_changes
         where partition = 'raw_measurements_2020_01'`,
      )
      expect(changed?.age).toBe(0)
    })
    expect((await round(connection)).dropped).toEqual([])
  })

  test('are left for later when somebody holds the table, and hold up nobody', async () => {
    await using database = await freshDatabase()
    const { connection, databaseUrl } = database
    await withOldMonth(connection)
    const open = { databaseUrl, applicationName: 'test' }
    const [long, writer] = await Promise.all([connectPostgres(open), connectPostgres(open)])
    try {
      await long.query('begin')
      await insertAt(long, new Date().toISOString())
      const dropping = round(connection)
      let slowestMs = 0
      let writes = 0
      const waits = await Promise.all([
        dropping,
        (async () => {
          while (writes < 50) {
            const startMs = performance.now()
            await insertAt(writer, new Date().toISOString())
            slowestMs = Math.max(slowestMs, performance.now() - startMs)
            writes += 1
          }
        })(),
      ])
      expect(waits[0]).toMatchObject({ dropped: [], busy: ['raw_measurements_2020_01'] })
      // The drop gives up after a tenth of a second; without that limit the writer would wait for the open transaction for ever.
      expect(writes).toBe(50)
      expect(slowestMs).toBeLessThan(5_000)
      await long.query('commit')
      expect((await round(connection)).dropped).toEqual(['raw_measurements_2020_01'])
    } finally {
      await Promise.all([long.close(), writer.close()])
    }
  })

  test('are the only tables that can be dropped this way', async () => {
    await using database = await freshDatabase()
    const drop = database.connection.query(`select faultline_drop_month('device_catalog')`)
    await expect(drop).rejects.toThrow('is no month of measurements')
  })
})
