import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readFile } from 'node:fs/promises'
import { topics } from '@faultline/contracts/topics'
import { replication } from '@faultline/contracts/postgres-migrations'
import { expect, test } from 'vitest'
import { connectorVariables } from './connect.ts'
import { firstLines, registerConnector } from './connector.ts'

test('tells the first line of a trace and its deepest cause', () => {
  const trace = [
    'org.apache.kafka.connect.errors.ConnectException: stopped',
    '\tat io.debezium.Something(Something.java:1)',
    'Caused by: java.lang.RuntimeException: between',
    '\t... 3 more',
    'Caused by: org.postgresql.util.PSQLException: FATAL: password authentication failed',
  ].join('\n')
  expect(firstLines(trace)).toBe(
    'org.apache.kafka.connect.errors.ConnectException: stopped; ' +
      'Caused by: org.postgresql.util.PSQLException: FATAL: password authentication failed',
  )
})

async function connectorConfig(): Promise<Record<string, string>> {
  const file = new URL('../../../../debezium/postgres-connector.json', import.meta.url)
  return JSON.parse(await readFile(file, 'utf8')) as Record<string, string>
}

test('the connector captures the tables behind the topics, by the names of the migrations', async () => {
  const config = await connectorConfig()
  const tables = config['table.include.list']?.split(',').map((table) => `postgres.${table}`)
  expect(tables?.toSorted()).toEqual(
    [
      topics.deviceModels,
      topics.deviceCatalog,
      topics.rawMeasurements,
      topics.deviceEvents,
      topics.alarmActions,
    ].toSorted(),
  )
  expect(config['database.user']).toBe(replication.role)
  expect(config['slot.name']).toBe(replication.slot)
  expect(config['topic.prefix']).toBe(replication.topicPrefix)
})

test('every placeholder of the connector has a variable, and the other way round', async () => {
  const text = JSON.stringify(await connectorConfig())
  const placeholders = new Set([...text.matchAll(/\$\{env:(\w+)\}/g)].map(([, name]) => name))
  const variables = connectorVariables({
    databaseUrl: new URL('postgresql://user:secret@db.example/fleet%20one'),
    replicationPassword: 'secret',
    registryApiUrl: 'http://registry/apis/registry/v2',
  })
  expect([...placeholders].toSorted()).toEqual(Object.keys(variables).toSorted())
  expect(variables).toMatchObject({
    FAULTLINE_DATABASE_HOST: 'db.example',
    FAULTLINE_DATABASE_PORT: '5432',
    FAULTLINE_DATABASE_NAME: 'fleet one',
  })
})

test('says what did not come up and what to do, rather than that time is up', async () => {
  const silent = createServer((_request, response) => response.writeHead(409).end('{}'))
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
  try {
    await expect(registerConnector(url, new AbortController().signal, 50)).rejects.toMatchObject({
      code: 'BACK_END_UNAVAILABLE',
      message: expect.stringContaining('did not run within 0.05 s') as string,
    })
  } finally {
    silent.close()
  }
})
