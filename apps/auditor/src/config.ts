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

type Env = Readonly<Record<string, string | undefined>>

const audited = z.object({
  [names.kafkaBootstrap]: brokerList,
  [names.schemaRegistryUrl]: z.url(),
  [names.clickhouseUrl]: z.url(),
  [names.enrichTopic]: z.string().min(1).default(topics.enrichedMeasurements),
  [names.logLevel]: z.string().default('info'),
  [names.faultHalfLifeMs]: positiveCount(3_600_000),
  [names.redisStreamEventsMax]: positiveCount(10_000),
  [names.redisWindowEventsMax]: positiveCount(250_000),
  [names.startingOffsets]: startingOffsets,
})

const toConfig = (env: z.output<typeof audited> & { readonly redisUrl: string }) => ({
  brokers: env[names.kafkaBootstrap],
  registryUrl: env[names.schemaRegistryUrl],
  redisUrl: env.redisUrl,
  clickhouseUrl: env[names.clickhouseUrl],
  topic: env[names.enrichTopic],
  logLevel: env[names.logLevel],
  /** Settings of the Redis consumer: what it must hold depends on them. */
  halfLifeMs: env[names.faultHalfLifeMs],
  streamEventsMax: env[names.redisStreamEventsMax],
  windowEventsMax: env[names.redisWindowEventsMax],
  /** Of the consumers: whether what they hold begins where the topic does. */
  isFromBeginning: env[names.startingOffsets].at === 'earliest',
})

/** What is audited, and by which settings. */
export type AuditConfig = ReturnType<typeof toConfig>

/** @throws FaultlineError CONFIG_INVALID, naming every problem */
export function parseVerifyConfig(env: Env): AuditConfig {
  return parseEnvironment(audited.and(redisEnvironment).transform(toConfig), env)
}

/** @throws FaultlineError CONFIG_INVALID, naming every problem */
export function parseAuditorConfig(env: Env) {
  const schema = audited.extend({ [names.opsListen]: listenAddress }).and(redisEnvironment)
  return parseEnvironment(
    schema.transform((given) => ({ ...toConfig(given), opsListen: given[names.opsListen] })),
    env,
  )
}
export type AuditorConfig = ReturnType<typeof parseAuditorConfig>
