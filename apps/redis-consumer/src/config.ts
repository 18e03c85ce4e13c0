import { z } from 'zod'
import { environment as names } from '@faultline/contracts/environment'
import { topics } from '@faultline/contracts/topics'
import {
  brokerList,
  listenAddress,
  parseEnvironment,
  positiveCount,
} from '@faultline/runtime/config'
import { startingOffsets } from '@faultline/runtime/kafka'
import { redisEnvironment } from '@faultline/runtime/redis'

/** Below a minute a double no longer holds the live score finely enough (docs/ranking.md). */
const halfLifeMinMs = 60_000

const schema = z
  .object({
    [names.kafkaBootstrap]: brokerList,
    [names.schemaRegistryUrl]: z.url(),
    [names.opsListen]: listenAddress,
    [names.enrichTopic]: z.string().min(1).default(topics.enrichedMeasurements),
    [names.startingOffsets]: startingOffsets,
    [names.logLevel]: z.string().default('info'),
    [names.deadLetterConsecutiveMax]: positiveCount(10_000),
    [names.faultHalfLifeMs]: z.coerce.number().int().min(halfLifeMinMs).default(3_600_000),
    [names.redisStreamEventsMax]: positiveCount(10_000),
    [names.redisWindowEventsMax]: positiveCount(250_000),
  })
  .and(redisEnvironment)
  .transform((env) => ({
    brokers: env[names.kafkaBootstrap],
    registryUrl: env[names.schemaRegistryUrl],
    redisUrl: env.redisUrl,
    opsListen: env[names.opsListen],
    logLevel: env[names.logLevel],
    topic: env[names.enrichTopic],
    start: env[names.startingOffsets],
    /** Refused records in a row, per partition, after which the process stops. */
    refusedConsecutiveMax: env[names.deadLetterConsecutiveMax],
    ranking: {
      halfLifeMs: env[names.faultHalfLifeMs],
      /** Newest events kept in the log of a type, about. */
      streamEventsMax: env[names.redisStreamEventsMax],
      /** Most events a sliding window of a scope may hold; about 350 bytes of Redis each. */
      windowEventsMax: env[names.redisWindowEventsMax],
    },
  }))

export type RedisConsumerConfig = z.output<typeof schema>

/** @throws FaultlineError CONFIG_INVALID, naming every problem */
export function parseConfig(
  env: Readonly<Record<string, string | undefined>>,
): RedisConsumerConfig {
  return parseEnvironment(schema, env)
}
