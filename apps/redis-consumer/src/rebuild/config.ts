import { z } from 'zod'
import { environment as names } from '@faultline/contracts/environment'
import { topics } from '@faultline/contracts/topics'
import { brokerList, parseEnvironment, positiveCount } from '@faultline/runtime/config'
import { redisEnvironment } from '@faultline/runtime/redis'

const schema = z
  .object({
    [names.kafkaBootstrap]: brokerList,
    [names.schemaRegistryUrl]: z.url(),
    [names.enrichTopic]: z.string().min(1).default(topics.enrichedMeasurements),
    [names.faultHalfLifeMs]: positiveCount(3_600_000),
    [names.redisStreamEventsMax]: positiveCount(10_000),
    [names.redisWindowEventsMax]: positiveCount(250_000),
    [names.redisStagingDb]: z.coerce.number().int().min(0).default(1),
  })
  .and(redisEnvironment)
  .transform((env) => ({
    brokers: env[names.kafkaBootstrap],
    registryUrl: env[names.schemaRegistryUrl],
    topic: env[names.enrichTopic],
    liveUrl: env.redisUrl,
    liveDatabase: databaseOf(env.redisUrl),
    stagingUrl: withDatabase(env.redisUrl, env[names.redisStagingDb]),
    stagingDatabase: env[names.redisStagingDb],
    ranking: {
      halfLifeMs: env[names.faultHalfLifeMs],
      streamEventsMax: env[names.redisStreamEventsMax],
      windowEventsMax: env[names.redisWindowEventsMax],
    },
  }))
  .refine(({ liveDatabase, stagingDatabase }) => liveDatabase !== stagingDatabase, {
    message: 'is the database of REDIS_URL, the one that serves',
    path: [names.redisStagingDb],
  })

export type RebuildConfig = z.output<typeof schema>

/** @throws FaultlineError CONFIG_INVALID, naming every problem */
export function parseRebuildConfig(
  env: Readonly<Record<string, string | undefined>>,
): RebuildConfig {
  return parseEnvironment(schema, env)
}

function databaseOf(url: string): number {
  return Number(new URL(url).pathname.slice(1) || '0')
}

function withDatabase(url: string, database: number): string {
  const changed = new URL(url)
  changed.pathname = `/${database}`
  return changed.href
}
