import { z } from 'zod'
import { environment as names } from '@faultline/contracts/environment'
import { topics } from '@faultline/contracts/topics'
import { rowsPerChunk } from '@faultline/core/state'
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
    [names.opsListen]: listenAddress,
    [names.topicCatalog]: z.string().min(1).default(topics.deviceCatalog),
    [names.topicMeasurements]: z.string().min(1).default(topics.rawMeasurements),
    [names.enrichTopic]: z.string().min(1).default(topics.enrichedMeasurements),
    [names.startingOffsets]: startingOffsets,
    [names.logLevel]: z.string().default('info'),
    [names.faultHalfLifeMs]: positiveCount(3_600_000),
    [names.parkedMax]: positiveCount(10_000),
    [names.deadLetterConsecutiveMax]: positiveCount(10_000),
    [names.deadLetterRatioMax]: z.coerce.number().positive().max(1).default(0.5),
    [names.deadLetterRatioWindow]: positiveCount(10_000),
    [names.rowIdsKept]: positiveCount(134_217_728),
    [names.clockAheadMaxMs]: positiveCount(600_000),
  })
  .transform((env) => ({
    brokers: env[names.kafkaBootstrap],
    registryUrl: env[names.schemaRegistryUrl],
    opsListen: env[names.opsListen],
    logLevel: env[names.logLevel],
    topics: {
      catalog: env[names.topicCatalog],
      models: topics.deviceModels,
      measurements: env[names.topicMeasurements],
      enriched: env[names.enrichTopic],
    },
    start: env[names.startingOffsets],
    scoring: { faultHalfLifeMs: env[names.faultHalfLifeMs] },
    limits: {
      /** Measurements of unknown devices kept waiting, per partition. */
      parkedMax: env[names.parkedMax],
      /** Dead letters in a row, per partition, after which the process stops. */
      deadLetterConsecutiveMax: env[names.deadLetterConsecutiveMax],
      /** Share of dead letters among the last records, per partition, after which the process stops. */
      deadLetterRatioMax: env[names.deadLetterRatioMax],
      deadLetterRatioWindow: env[names.deadLetterRatioWindow],
      /** Of the newest row ids, per partition: one bit each. */
      rowChunksMax: Math.ceil(env[names.rowIdsKept] / rowsPerChunk),
      /** How far a device's clock may be ahead of the commit in PostgreSQL. */
      clockAheadMaxMs: env[names.clockAheadMaxMs],
    },
  }))

export type EnricherConfig = z.output<typeof schema>

/** @throws FaultlineError CONFIG_INVALID, naming every problem */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): EnricherConfig {
  return parseEnvironment(schema, env)
}
