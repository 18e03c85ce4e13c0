import { environment } from '@faultline/contracts/environment'
import type { StackPorts } from '../layout.ts'
import { loopback } from './back-end.ts'
import type { Credentials } from './credentials.ts'
import { embeddedDatabaseUrl } from './postgres.ts'
import { confluentApiPath } from './registry.ts'

/** The back ends by name; each is embedded, or an existing server given by its address. */
export const backEndNames = [
  'postgres',
  'kafka',
  'registry',
  'connect',
  'clickhouse',
  'redis',
] as const
export type BackEndName = (typeof backEndNames)[number]

export type BackEndAddresses = Readonly<Record<BackEndName, string>>
export type ExternalAddresses = Readonly<Partial<BackEndAddresses>>

type Env = Readonly<Record<string, string | undefined>>

/** The existing servers that the environment names. `REDIS_HOST` (with `REDIS_PORT`) counts when `REDIS_URL` is not set. */
export function externalBackEnds(env: Env): ExternalAddresses {
  const redisHost = set(env, environment.redisHost)
  const named: readonly (readonly [BackEndName, string | undefined])[] = [
    ['postgres', set(env, environment.databaseUrl)],
    ['kafka', set(env, environment.kafkaBootstrap)],
    ['registry', set(env, environment.schemaRegistryUrl)],
    ['connect', set(env, environment.connectUrl)],
    ['clickhouse', set(env, environment.clickhouseUrl)],
    [
      'redis',
      set(env, environment.redisUrl) ??
        (redisHost === undefined
          ? undefined
          : `redis://${redisHost}:${set(env, environment.redisPort) ?? '6379'}/0`),
    ],
  ]
  return Object.fromEntries(named.filter(([, address]) => address !== undefined))
}

function set(env: Env, name: string): string | undefined {
  const value = env[name]
  return value === '' ? undefined : value
}

/** Every back end's address: the existing server's, else the embedded one's. */
export function backEndAddresses(
  ports: StackPorts,
  credentials: Credentials,
  external: ExternalAddresses,
): BackEndAddresses {
  return {
    postgres: embeddedDatabaseUrl(ports.postgres, credentials.database),
    kafka: `${loopback}:${ports.kafka}`,
    registry: `http://${loopback}:${ports.registry}${confluentApiPath}`,
    connect: `http://${loopback}:${ports.connect}`,
    clickhouse: `http://${loopback}:${ports.clickhouse}`,
    redis: `redis://${loopback}:${ports.redis}/0`,
    ...external,
  }
}

/** What `faultline env` prints and the applications get: each variable with its address. */
export function connectionEnvironment(
  addresses: BackEndAddresses,
  apiUrl: string,
): Readonly<Record<string, string>> {
  return {
    [environment.databaseUrl]: addresses.postgres,
    [environment.kafkaBootstrap]: addresses.kafka,
    [environment.schemaRegistryUrl]: addresses.registry,
    [environment.connectUrl]: addresses.connect,
    [environment.redisUrl]: addresses.redis,
    [environment.clickhouseUrl]: addresses.clickhouse,
    [environment.apiUrl]: apiUrl,
  }
}
