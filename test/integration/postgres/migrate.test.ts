import { expect, test } from 'vitest'
import { connectPostgres, migratePostgres } from '@faultline/runtime/postgres'
import { emptyDatabase, freshDatabase } from '../../support/fresh-database.ts'

const applied = 'select name from faultline_migrations order by name'

test('migrating brings an empty database up to date, and again does nothing', async () => {
  await using database = await emptyDatabase()
  const first = await migratePostgres(database)
  expect(first).toContain('001_tables.sql')
  expect(await migratePostgres(database)).toEqual([])
  const rows = await database.connection.query<{ name: string }>(applied)
  expect(rows.map(({ name }) => name)).toEqual(first)
})

test('of two who migrate at once one does the work and the other waits', async () => {
  await using database = await emptyDatabase()
  const results = await Promise.all([migratePostgres(database), migratePostgres(database)])
  const [idle, busy] = results.toSorted((a, b) => a.length - b.length)
  expect(idle).toEqual([])
  expect(busy).toContain('001_tables.sql')
})

test('a changed migration is refused, with its name', async () => {
  await using database = await freshDatabase()
  await database.connection.query(
    `update faultline_migrations set checksum = 'x' where name like '001%'`,
  )
  await expect(migratePostgres(database)).rejects.toMatchObject({
    code: 'MIGRATION_CONFLICT',
    context: { migration: '001_tables.sql' },
  })
})

test('the replication role gets the password it is given', async () => {
  await using database = await freshDatabase()
  const role = `'faultline_replication'`
  const [before] = await database.connection.query<{ rolpassword: string | null }>(
    `select rolpassword from pg_authid where rolname = ${role}`,
  )
  try {
    await migratePostgres({ ...database, replicationPassword: `it's "new"` })
    const url = new URL(database.databaseUrl)
    url.username = 'faultline_replication'
    url.password = encodeURIComponent(`it's "new"`)
    const connection = await connectPostgres({ databaseUrl: url.href, applicationName: 'test' })
    expect(await connection.query('select current_user::text as name')).toEqual([
      { name: 'faultline_replication' },
    ])
    await connection.close()
  } finally {
    // The connector of this server logs in with the password it had.
    await database.connection.query(
      `alter role faultline_replication password ${before?.rolpassword == null ? 'null' : `'${before.rolpassword}'`}`,
    )
  }
})

test('a server that is not there and a database that is not there are told apart', async () => {
  await expect(
    migratePostgres({ databaseUrl: 'postgres://nobody@127.0.0.1:1/none' }),
  ).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
  await using database = await emptyDatabase()
  const url = new URL(database.databaseUrl)
  url.pathname = '/no_such_database'
  await expect(migratePostgres({ databaseUrl: url.href })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
  })
})
