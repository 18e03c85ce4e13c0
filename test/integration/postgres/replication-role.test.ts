import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { replication } from '@faultline/contracts/postgres-migrations'
import { freshDatabase, type FreshDatabase } from '../../support/fresh-database.ts'

let database: FreshDatabase
beforeAll(async () => {
  database = await freshDatabase()
  // As the role from here on; its password is the connector's affair.
  await database.connection.query(`set session authorization ${replication.role}`)
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
})

describe('the replication role may', () => {
  test.each([
    'select from device_models',
    'select from device_catalog',
    'select from raw_measurements',
    'select from device_events',
    'select from alarm_actions',
    'select from faultline_heartbeat',
    'select from debezium_signal',
    replication.heartbeatQuery,
    `${replication.heartbeatQuery} returning id`,
    `insert into ${replication.signalTable} (id, type, data) values ('a', 'execute-snapshot', '{}')`,
  ])('%s', async (statement) => {
    await database.connection.query(statement)
  })
})

describe('the replication role may not', () => {
  test.each([
    ...[
      'device_models',
      'device_catalog',
      'raw_measurements',
      'device_events',
      'alarm_actions',
    ].flatMap((table) => [
      `insert into ${table} default values`,
      `delete from ${table}`,
      `truncate ${table}`,
    ]),
    `update device_catalog set name = 'x'`,
    `update device_models set rules = '[]'`,
    'delete from faultline_heartbeat',
    'delete from debezium_signal',
    `update debezium_signal set type = 'x'`,
    'select from faultline_migrations',
    'select from raw_measurements_default',
    'select from pg_authid',
    `select faultline_ensure_partitions(now(), now())`,
    'create table mine (id integer)',
    'create temporary table mine (id integer)',
    'create schema mine',
    'create role mine',
    'create database mine',
    'create publication mine for table device_models',
    `alter publication ${replication.publication} drop table device_models`,
    `copy device_models to program 'true'`,
    `copy device_models to '/nowhere'`,
    `alter role ${replication.role} superuser`,
  ])('%s', async (statement) => {
    await expect(database.connection.query(statement)).rejects.toThrow(
      expect.objectContaining({ cause: expect.objectContaining({ code: '42501' }) as unknown }),
    )
  })
})
