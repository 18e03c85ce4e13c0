import { expect, test } from 'vitest'
import { freshDatabase } from '../../support/fresh-database.ts'

/** SQLSTATE of PostgreSQL's own refusal: "does not have a replica identity and publishes updates". */
const notInPrerequisiteState = '55000'

test('PostgreSQL itself refuses to update or delete, through the root and in a partition', async () => {
  await using database = await freshDatabase()
  const { connection } = database
  await connection.query(
    `insert into raw_measurements (device_id, measured_at, readings) values ('AC-0001', '2007-08-28', '{1}')`,
  )
  for (const statement of [
    'update raw_measurements set readings = $1',
    'update raw_measurements_default set readings = $1',
    'delete from raw_measurements where readings <> $1',
    'delete from raw_measurements_default where readings <> $1',
  ]) {
    await expect(connection.query(statement, ['{2}']), statement).rejects.toMatchObject({
      code: notInPrerequisiteState,
    })
  }
  expect(await connection.query('select device_id, readings from raw_measurements')).toEqual([
    { device_id: 'AC-0001', readings: [1] },
  ])
})

test('the writer does not choose the id', async () => {
  await using database = await freshDatabase()
  await expect(
    database.connection.query(
      `insert into raw_measurements (id, device_id, measured_at, readings) values (1, 'a', now(), '{}')`,
    ),
  ).rejects.toMatchObject({ code: '428C9' })
})
