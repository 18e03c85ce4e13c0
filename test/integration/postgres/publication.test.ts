import { randomUUID } from 'node:crypto'
import { expect, test } from 'vitest'
import { replication } from '@faultline/contracts/postgres-migrations'
import { freshDatabase } from '../../support/fresh-database.ts'

test('the publication lists its tables by name, and partitions as their root', async () => {
  await using database = await freshDatabase()
  const tables = await database.connection.query<{ tablename: string }>(
    'select tablename from pg_publication_tables where pubname = $1 order by 1',
    [replication.publication],
  )
  expect(tables.map(({ tablename }) => tablename)).toEqual([
    'alarm_actions',
    'debezium_signal',
    'device_catalog',
    'device_events',
    'device_models',
    'faultline_heartbeat',
    'raw_measurements',
  ])
})

/**
 * A message of the logical replication protocol: a letter (I insert, U update, D delete, R relation: its name) and, in these
 * four, the id of the table.
 */
interface Message {
  readonly kind: string
  readonly table: number
  readonly text: string
}

test('a delete carries the device, an unchanged large value its text, a measurement its root table', async () => {
  await using database = await freshDatabase()
  const { connection } = database
  const slot = `test_${randomUUID().replaceAll('-', '')}`
  // Over 2 kB and without repetition, so that PostgreSQL keeps it outside the row.
  const large = Array.from({ length: 200 }, () => randomUUID()).join('')
  await connection.query(
    `insert into device_catalog (device_id, type, model, attributes) values ('AC-0001', 'hvac', 'metro-hvac', $1)`,
    [JSON.stringify({ large })],
  )
  await connection.query(`select pg_create_logical_replication_slot($1, 'pgoutput')`, [slot])
  try {
    await connection.query(`update device_catalog set name = 'renamed'`)
    await connection.query(`delete from device_catalog`)
    await connection.query(
      `insert into raw_measurements (device_id, measured_at, readings) values ('AC-0001', '2007-08-28', '{1}')`,
    )
    const rows = await connection.query<{ data: Buffer }>(
      `select data from pg_logical_slot_peek_binary_changes($1, null, null, 'proto_version', '1', 'publication_names', $2)`,
      [slot, replication.publication],
    )
    const messages: Message[] = rows.map(({ data }) => ({
      kind: data.toString('latin1', 0, 1),
      table: data.readUInt32BE(1),
      text: data.toString('latin1'),
    }))
    const of = (kind: string) => messages.filter((message) => message.kind === kind)
    expect(of('U')).toHaveLength(1)
    expect(of('U')[0]?.text).toContain(large)
    expect(of('D')).toHaveLength(1)
    expect(of('D')[0]?.text).toContain('AC-0001')
    expect(of('D')[0]?.text).toContain('hvac')
    const [insert, ...others] = of('I')
    expect(others).toEqual([])
    const name = of('R').find(({ table }) => table === insert?.table)?.text
    expect(name).toContain('public\0raw_measurements\0')
  } finally {
    await connection.query('select pg_drop_replication_slot($1)', [slot])
  }
})
