import { expect, test } from 'vitest'
import { stackPorts } from '../layout.ts'
import { backEndAddresses, connectionEnvironment, externalBackEnds } from './addresses.ts'

const credentials = { database: 'secret', replication: 'other' }

test('an existing server takes the place of the embedded one, the rest is embedded', () => {
  const external = externalBackEnds({ DATABASE_URL: 'postgresql://u@db/fleet', CONNECT_URL: '' })
  expect(external).toEqual({ postgres: 'postgresql://u@db/fleet' })
  const addresses = backEndAddresses(stackPorts(7400), credentials, external)
  expect(connectionEnvironment(addresses, 'http://127.0.0.1:7400')).toEqual({
    DATABASE_URL: 'postgresql://u@db/fleet',
    KAFKA_BOOTSTRAP: '127.0.0.1:7402',
    SCHEMA_REGISTRY_URL: 'http://127.0.0.1:7404/apis/ccompat/v7',
    CONNECT_URL: 'http://127.0.0.1:7405',
    CLICKHOUSE_URL: 'http://127.0.0.1:7406',
    REDIS_URL: 'redis://127.0.0.1:7407/0',
    API_URL: 'http://127.0.0.1:7400',
  })
})

test('Redis may be given by host and port; its URL counts more', () => {
  expect(externalBackEnds({ REDIS_HOST: 'cache' })).toEqual({ redis: 'redis://cache:6379/0' })
  expect(externalBackEnds({ REDIS_HOST: 'cache', REDIS_PORT: '7000' })).toEqual({
    redis: 'redis://cache:7000/0',
  })
  expect(externalBackEnds({ REDIS_HOST: 'cache', REDIS_URL: 'redis://real:1/2' })).toEqual({
    redis: 'redis://real:1/2',
  })
})
