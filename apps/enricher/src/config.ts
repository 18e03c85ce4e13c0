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

/** What decides how measurements are enriched; a replay has to agree with the enricher in it. */
const enrichment = z.object({
  [names.kafkaBootstrap]: brokerList,
  [names.schemaRegistryUrl]: z.url(),
  [names.topicCatalog]: z.string().min(1).default(topics.deviceCatalog),
  [names.topicMeasurements]: z.string().min(1).default(topics.rawMeasurements),
  [names.enrichTopic]: z.string().min(1).default(topics.enrichedMeasurements),
  [names.logLevel]: z.string().default('info'),
  [names.faultHalfLifeMs]: positiveCount(3_600_000),
  [names.parkedMax]: positiveCount(10_000),
  [names.deadLetterConsecutiveMax]: positiveCount(10_000),
  [names.deadLetterRatioMax]: z.coerce.number().positive().max(1).default(0.5),
  [names.deadLetterRatioWindow]: positiveCount(10_000),
  [names.rowIdsKept]: positiveCount(134_217_728),
  [names.clockAheadMaxMs]: positiveCount(600_000),
})

function settings(env: z.output<typeof enrichment>) {
  return {
    brokers: env[names.kafkaBootstrap],
    registryUrl: env[names.schemaRegistryUrl],
    logLevel: env[names.logLevel],
    topics: {
      catalog: env[names.topicCatalog],
      models: topics.deviceModels,
      measurements: env[names.topicMeasurements],
      enriched: env[names.enrichTopic],
    },
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
  }
}

const schema = enrichment
  .extend({ [names.opsListen]: listenAddress, [names.startingOffsets]: startingOffsets })
  .transform((env) => ({
    ...settings(env),
    opsListen: env[names.opsListen],
    start: env[names.startingOffsets],
  }))

export type EnricherConfig = z.output<typeof schema>

/** @throws FaultlineError CONFIG_INVALID, naming every problem */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): EnricherConfig {
  return parseEnvironment(schema, env)
}

export type EnrichmentConfig = ReturnType<typeof settings>

/** The settings of a replay: the enricher's. @throws FaultlineError CONFIG_INVALID */
export function parseEnrichmentConfig(
  env: Readonly<Record<string, string | undefined>>,
): EnrichmentConfig {
  return parseEnvironment(enrichment.transform(settings), env)
}
