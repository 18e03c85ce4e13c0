import { describe, expect, test } from 'vitest'
import {
  BatchCommitter,
  pruneLedger,
  readLedger,
  type LedgerChange,
} from '@faultline/ingest/ledger'
import { MeasurementBatch } from '@faultline/ingest/measurements'
import { connectPostgres } from '@faultline/runtime/postgres'
import { freshDatabase, type FreshDatabase } from '../../support/fresh-database.ts'

const source = 'test'

function batchOf(rows: number): MeasurementBatch {
  const batch = new MeasurementBatch()
  for (let i = 0; i < rows; i += 1) {
    batch.append({
      deviceId: 'AC-0001',
      measuredAtMs: Date.UTC(2026, 10, 21) + i,
      readings: new Float32Array([i]),
      carNumber: null,
    })
  }
  return batch
}

const change = (values: Partial<LedgerChange> = {}): LedgerChange => ({
  key: 'a',
  from: null,
  position: 3,
  written: 3,
  rejected: 0,
  mark: null,
  completed: false,
  ...values,
})

async function countRows({ connection }: FreshDatabase): Promise<number | undefined> {
  const [answer] = await connection.query<{ rows: number }>(
    'select count(*)::int as rows from raw_measurements',
  )
  return answer?.rows
}

describe('a batch with its ledger', () => {
  test('is stored whole, and its entry moves on with the next one', async () => {
    await using database = await freshDatabase()
    const committer = new BatchCommitter(database.connection)
    const first = await committer.commit({ source, rows: batchOf(3), changes: [change()] })
    const moved = change({
      from: 3,
      position: 8,
      written: 4,
      rejected: 1,
      mark: 'm',
      completed: true,
    })
    const second = await committer.commit({ source, rows: batchOf(4), changes: [moved] })
    expect([first.size, second.size, await countRows(database)]).toEqual([0, 0, 7])
    const entries = await readLedger(database.connection, source, ['a', 'unknown'])
    expect([...entries.values()]).toEqual([
      { key: 'a', position: 8, written: 7, rejected: 1, mark: 'm', completed: true },
    ])
  })

  test('is not stored at all where one of its inputs was taken before', async () => {
    await using database = await freshDatabase()
    const committer = new BatchCommitter(database.connection)
    await committer.commit({ source, rows: batchOf(3), changes: [change({ completed: true })] })
    const conflicts = await committer.commit({
      source,
      rows: batchOf(5),
      changes: [change({ key: 'b' }), change(), change({ key: 'c', from: 2 })],
    })
    expect(conflicts.get('a')).toMatchObject({ position: 3, written: 3, completed: true })
    expect([...conflicts.keys()]).toEqual(['a', 'c'])
    expect(conflicts.get('c')).toBeUndefined()
    expect(await countRows(database)).toBe(3)
    expect((await readLedger(database.connection, source, ['b'])).size).toBe(0)
    // Another path may know the same key.
    const other = await committer.commit({ source: 'other', rows: batchOf(1), changes: [change()] })
    expect(other.size).toBe(0)
  })

  test('given by many at once is stored once', async () => {
    await using database = await freshDatabase()
    const { databaseUrl } = database
    const attempts = Array.from({ length: 4 }, async () => {
      const connection = await connectPostgres({ databaseUrl, applicationName: 'test' })
      const committer = new BatchCommitter(connection)
      const conflicts = await committer.commit({ source, rows: batchOf(3), changes: [change()] })
      await connection.close()
      return conflicts.size
    })
    expect((await Promise.all(attempts)).toSorted()).toEqual([0, 1, 1, 1])
    expect(await countRows(database)).toBe(3)
  })

  test('leaves neither rows nor entry where it fails, and the connection goes on', async () => {
    await using database = await freshDatabase()
    const committer = new BatchCommitter(database.connection)
    const impossible = change({ position: -1 })
    await expect(
      committer.commit({ source, rows: batchOf(3), changes: [impossible] }),
    ).rejects.toMatchObject({ code: '23514' })
    expect(await countRows(database)).toBe(0)
    const conflicts = await committer.commit({ source, rows: batchOf(2), changes: [change()] })
    expect([conflicts.size, await countRows(database)]).toEqual([0, 2])
  })
})

test('the ledger forgets what has not changed for a number of hours, of one source', async () => {
  await using database = await freshDatabase()
  const { connection } = database
  const committer = new BatchCommitter(connection)
  const changes = [change(), change({ key: 'b' })]
  await committer.commit({ source, rows: batchOf(0), changes })
  await committer.commit({ source: 'other', rows: batchOf(0), changes })
  await connection.query(
    `update ingest_ledger set changed_at = now() - interval '8 days' where key = 'a'`,
  )
  expect(await pruneLedger(connection, source, 7 * 24)).toBe(1)
  expect((await readLedger(connection, source, ['a', 'b'])).size).toBe(1)
  expect((await readLedger(connection, 'other', ['a', 'b'])).size).toBe(2)
})

test('the ledger finds what is old without reading what is not', async () => {
  await using database = await freshDatabase()
  const { connection } = database
  await connection.query(
    `insert into ingest_ledger (source, key, position, written, rejected)
     select '${source}', n::text, 1, 1, 0 from generate_series(1, 20000) as n`,
  )
  await connection.query('analyze ingest_ledger')
  const [before] = await connection.query<{ rows: number }>(
    `select seq_tup_read::int as rows from pg_stat_user_tables where relname = 'ingest_ledger'`,
  )
  expect(await pruneLedger(connection, source, 24)).toBe(0)
  await connection.query('select pg_stat_force_next_flush()')
  const [after] = await connection.query<{ rows: number }>(
    `select seq_tup_read::int as rows from pg_stat_user_tables where relname = 'ingest_ledger'`,
  )
  expect(after?.rows).toBe(before?.rows)
})
