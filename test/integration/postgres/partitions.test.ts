import { describe, expect, test } from 'vitest'
import { connectPostgres, type PostgresConnection } from '@faultline/runtime/postgres'
import { freshDatabase } from '../../support/fresh-database.ts'

async function insertAt(connection: PostgresConnection, time: string): Promise<void> {
  await connection.query(
    `insert into raw_measurements (device_id, measured_at, readings) values ('AC-0001', $1, '{1,null}')`,
    [time],
  )
}

async function partitionsWithRows(connection: PostgresConnection): Promise<string[]> {
  const rows = await connection.query<{ partition: string }>(
    'select distinct tableoid::regclass::text as partition from raw_measurements order by 1',
  )
  return rows.map(({ partition }) => partition)
}

async function ensure(connection: PostgresConnection, from: string, to: string): Promise<number> {
  const [row] = await connection.query<{ made: number }>(
    'select faultline_ensure_partitions($1, $2) as made',
    [from, to],
  )
  return row?.made ?? Number.NaN
}

describe('partitions of raw_measurements', () => {
  test('take any time: this month in its own, others in the default partition', async () => {
    await using database = await freshDatabase()
    const { connection } = database
    const now = new Date()
    for (const time of [now.toISOString(), '1970-01-01', '2007-08-28', '2106-02-07', 'infinity']) {
      await insertAt(connection, time)
    }
    const month = now.toISOString().slice(0, 7).replace('-', '_')
    expect(await partitionsWithRows(connection)).toEqual([
      `raw_measurements_${month}`,
      'raw_measurements_default',
    ])
  })

  test('are made for each UTC month of a range, once', async () => {
    await using database = await freshDatabase()
    const { connection } = database
    await connection.query(`set timezone to 'Asia/Seoul'`)
    expect(await ensure(connection, '2007-08-31T23:59:59Z', '2007-11-01T00:00:00Z')).toBe(4)
    expect(await ensure(connection, '2007-08-01Z', '2007-11-30Z')).toBe(0)
    await insertAt(connection, '2007-08-31T23:59:59.999Z')
    await insertAt(connection, '2007-09-01T00:00:00Z')
    expect(await partitionsWithRows(connection)).toEqual([
      'raw_measurements_2007_08',
      'raw_measurements_2007_09',
    ])
  })

  test('leave a month where it is once its rows are in the default partition', async () => {
    await using database = await freshDatabase()
    const { connection } = database
    await insertAt(connection, '2009-05-05Z')
    expect(await ensure(connection, '2009-04-01Z', '2009-06-30Z')).toBe(2)
    await insertAt(connection, '2009-05-06Z')
    expect(await partitionsWithRows(connection)).toEqual(['raw_measurements_default'])
  })

  test('can be made by two at once, and with writers at work', async () => {
    await using database = await freshDatabase()
    const { databaseUrl } = database
    const connections = await Promise.all(
      [1, 2, 3].map(() => connectPostgres({ databaseUrl, applicationName: 'test' })),
    )
    const [one, two, writer] = connections
    if (one === undefined || two === undefined || writer === undefined)
      throw new Error('unreachable')
    await writer.query('begin')
    await insertAt(writer, new Date().toISOString())
    const made = await Promise.all([
      ensure(one, '2010-01-01Z', '2012-12-31Z'),
      ensure(two, '2010-01-01Z', '2012-12-31Z'),
    ])
    expect(made.toSorted((a, b) => a - b)).toEqual([0, 36])
    await writer.query('commit')
    await Promise.all(connections.map((connection) => connection.close()))
  })

  test('are refused for a range that is empty, unbounded or over a century', async () => {
    await using database = await freshDatabase()
    for (const [from, to] of [
      ['2010-01-02', '2010-01-01'],
      ['1900-01-01', '2026-01-01'],
      ['-infinity', 'infinity'],
    ] as const) {
      await expect(ensure(database.connection, from, to)).rejects.toMatchObject({ code: '22023' })
    }
  })
})
