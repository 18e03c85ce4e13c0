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

const schema = z
  .object({
    [names.kafkaBootstrap]: brokerList,
    [names.schemaRegistryUrl]: z.url(),
    [names.clickhouseUrl]: z.url(),
    [names.opsListen]: listenAddress,
    [names.enrichTopic]: z.string().min(1).default(topics.enrichedMeasurements),
    [names.startingOffsets]: startingOffsets,
    [names.logLevel]: z.string().default('info'),
    [names.deadLetterConsecutiveMax]: positiveCount(10_000),
    [names.sinkRowsMax]: positiveCount(10_000),
    [names.sinkWaitMaxMs]: positiveCount(1_000),
  })
  .transform((env) => ({
    brokers: env[names.kafkaBootstrap],
    registryUrl: env[names.schemaRegistryUrl],
    clickhouseUrl: env[names.clickhouseUrl],
    opsListen: env[names.opsListen],
    logLevel: env[names.logLevel],
    topics: {
      enriched: env[names.enrichTopic],
      models: topics.deviceModels,
      events: topics.deviceEvents,
    },
    start: env[names.startingOffsets],
    limits: {
      rowsMax: env[names.sinkRowsMax],
      waitMaxMs: env[names.sinkWaitMaxMs],
      refusedConsecutiveMax: env[names.deadLetterConsecutiveMax],
    },
  }))

export type SinkConfig = z.output<typeof schema>

/** @throws FaultlineError CONFIG_INVALID, naming every problem */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): SinkConfig {
  return parseEnvironment(schema, env)
}
