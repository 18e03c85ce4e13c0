import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { clockRange } from '@faultline/core/frame'
import { MeasurementWriter, type Measurement } from '@faultline/ingest/measurements'
import { connectPostgres } from '@faultline/runtime/postgres'
import { freshDatabase } from '../../support/fresh-database.ts'

const row = (change: Partial<Measurement> = {}): Measurement => ({
  deviceId: 'AC-0001',
  measuredAtMs: Date.UTC(2026, 10, 21),
  readings: new Float32Array([1, Number.NaN, -2.5]),
  carNumber: null,
  ...change,
})

interface StoredRow {
  readonly device_id: string
  readonly measured_at: Date
  readonly readings: readonly (number | null)[]
  readonly car_number: number | null
}

const everything =
  'select device_id, measured_at, readings, car_number from raw_measurements order by id'

/** A row as the database gives it back: NaN has become NULL, -0 reads as -0. */
const asStored = ({ deviceId, measuredAtMs, readings, carNumber }: Measurement): StoredRow => ({
  device_id: deviceId,
  measured_at: new Date(measuredAtMs),
  readings: [...readings].map((reading) => (Number.isNaN(reading) ? null : reading)),
  car_number: carNumber,
})

/** PostgreSQL writes the shortest decimals that mean the float32. */
const asFloat32 = (stored: StoredRow): StoredRow => ({
  ...stored,
  readings: stored.readings.map((reading) => (reading === null ? null : Math.fround(reading))),
})

const anyRow: fc.Arbitrary<Measurement> = fc.record({
  deviceId: fc.string({ unit: 'grapheme', minLength: 1 }).filter((id) => !/\p{Cc}/u.test(id)),
  // Few months, because each makes a partition.
  measuredAtMs: fc.oneof(
    fc.integer({ min: Date.UTC(2026, 10, 1), max: Date.UTC(2026, 10, 30) }),
    fc.constantFrom(clockRange.fromMs, clockRange.toMs - 1),
  ),
  readings: fc.float32Array({ maxLength: 120 }),
  carNumber: fc.option(fc.nat()),
})

describe('a measurement writer', () => {
  test('stores what it is given, in its order', async () => {
    await using database = await freshDatabase()
    const { connection } = database
    await fc.assert(
      fc.asyncProperty(fc.array(anyRow, { minLength: 1, maxLength: 40 }), async (rows) => {
        await connection.query('truncate raw_measurements')
        const writer = new MeasurementWriter(connection, { batchRows: 7, batchBytes: 4_096 })
        for (const each of rows) await writer.write(each)
        await writer.flush()
        const stored = await connection.query<StoredRow>(everything)
        expect(stored.map(asFloat32)).toEqual(rows.map(asStored))
      }),
      { numRuns: 40 },
    )
  })

  test('commits batch by batch, and tells what it committed', async () => {
    await using database = await freshDatabase()
    const commits: number[] = []
    const writer = new MeasurementWriter(database.connection, {
      batchRows: 4,
      batchBytes: 1_000_000,
      onCommit: (rows) => commits.push(rows),
    })
    for (let i = 0; i < 10; i += 1) await writer.write(row())
    await writer.flush()
    await writer.flush()
    expect(commits).toEqual([4, 4, 2])
    const transactions = await database.connection.query(
      'select count(*)::int as rows from raw_measurements group by xmin::text order by 1',
    )
    expect(transactions).toEqual([{ rows: 2 }, { rows: 4 }, { rows: 4 }])
  })

  test('makes the partitions of the months it meets', async () => {
    await using database = await freshDatabase()
    const writer = new MeasurementWriter(database.connection, {
      batchRows: 2,
      batchBytes: 1_000_000,
    })
    for (const month of [1, 2, 1]) await writer.write(row({ measuredAtMs: Date.UTC(2007, month) }))
    await writer.flush()
    expect(
      await database.connection.query(
        'select tableoid::regclass::text as partition, count(*)::int as rows from raw_measurements group by 1 order by 1',
      ),
    ).toEqual([
      { partition: 'raw_measurements_2007_02', rows: 2 },
      { partition: 'raw_measurements_2007_03', rows: 1 },
    ])
  })

  test('says that the database is unavailable when its connection breaks', async () => {
    await using database = await freshDatabase()
    const connection = await connectPostgres({
      databaseUrl: database.databaseUrl,
      applicationName: 'to be broken',
    })
    const writer = new MeasurementWriter(connection, { batchRows: 1, batchBytes: 1_000_000 })
    await writer.write(row())
    await writer.flush()
    await database.connection.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'to be broken'`,
    )
    await expect(
      (async () => {
        for (;;) {
          await writer.write(row())
          await writer.flush()
        }
      })(),
    ).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
    await connection.close()
  })
})
