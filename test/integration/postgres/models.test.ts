import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { deviceModelRow } from '@faultline/contracts/model'
import { freshDatabase, type FreshDatabase } from '../../support/fresh-database.ts'

test('the model metro-hvac is installed, with the channels and rules of the contract', async () => {
  await using database = await freshDatabase()
  const [row] = await database.connection.query('select * from device_models')
  const model = deviceModelRow.parse(row)
  expect(model).toMatchObject({ model: 'metro-hvac', type: 'hvac' })
  expect(model.channels).toHaveLength(100)
  expect(model.channels.slice(0, 8)).toEqual([
    'temp_supply_air',
    'temp_return_air',
    'pressure_compressor',
    'current_compressor',
    'power_total',
    'fault_code',
    'data_quality',
    'aux_7',
  ])
  expect(model.channels[99]).toBe('aux_99')
  expect(model.rules).toEqual([
    { code: 'HIGH_TEMP', channel: 'temp_supply_air', above: 35 },
    { code: 'LOW_TEMP', channel: 'temp_supply_air', below: 10 },
    { code: 'ABNORMAL_PRESSURE', channel: 'pressure_compressor', outside: [500, 2000] },
    { code: 'ABNORMAL_CURRENT', channel: 'current_compressor', outside: [5, 50] },
    {
      code: 'ABNORMAL_TEMP_DIFF',
      channel: 'temp_supply_air',
      minus: 'temp_return_air',
      outside: [3, 15],
    },
    { code: 'FREQUENT_START_STOP', starts_of: 'current_compressor', running_above: 12, above: 4 },
  ])
})

describe('device_models and device_catalog refuse', () => {
  const checkViolation = '23514'
  // Nothing gets in, so these share a database.
  let database: FreshDatabase
  beforeAll(async () => {
    database = await freshDatabase()
  })
  afterAll(async () => {
    await database[Symbol.asyncDispose]()
  })

  test.each(['all', '', 'hvac:1h'])('the type "%s"', async (type) => {
    const { connection } = database
    await expect(
      connection.query(
        `insert into device_models (model, type, channels, units) values ('m', $1, '{a}', '{b}')`,
        [type],
      ),
    ).rejects.toMatchObject({ code: checkViolation })
    await expect(
      connection.query(
        `insert into device_catalog (device_id, type, model) values ('d', $1, 'metro-hvac')`,
        [type],
      ),
    ).rejects.toMatchObject({ code: checkViolation })
  })

  test.each([
    ['{}', '{}', '[]'],
    ['{a,b}', '{b}', '[]'],
    ['{a}', '{b}', '{}'],
  ])('channels %s with units %s and rules %s', async (channels, units, rules) => {
    await expect(
      database.connection.query(
        `insert into device_models (model, type, channels, units, rules) values ('m', 't', $1, $2, $3)`,
        [channels, units, rules],
      ),
    ).rejects.toMatchObject({ code: checkViolation })
  })
})

test('a change of a catalog row moves its updated_at', async () => {
  await using database = await freshDatabase()
  const { connection } = database
  await connection.query(
    `insert into device_catalog (device_id, type, model, updated_at) values ('d', 'hvac', 'metro-hvac', '2020-01-01')`,
  )
  await connection.query(`update device_catalog set name = 'x'`)
  expect(
    await connection.query(
      `select updated_at > now() - interval '1 minute' as moved from device_catalog`,
    ),
  ).toEqual([{ moved: true }])
})
