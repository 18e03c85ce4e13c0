import { z } from 'zod'
import { environment as names } from '@faultline/contracts/environment'
import { topics } from '@faultline/contracts/topics'
import { brokerList, parseEnvironment } from '@faultline/runtime/config'

const schema = z
  .object({
    [names.kafkaBootstrap]: brokerList,
    [names.schemaRegistryUrl]: z.url(),
    [names.topicMeasurements]: z.string().min(1).default(topics.rawMeasurements),
    [names.logLevel]: z.string().default('warn'),
  })
  .transform((env) => ({
    brokers: env[names.kafkaBootstrap],
    registryUrl: env[names.schemaRegistryUrl],
    logLevel: env[names.logLevel],
    topics: {
      measurements: env[names.topicMeasurements],
      deadLetters: topics.deadLetterMeasurements,
      decisions: topics.deadLetterDecisions,
    },
  }))

export type DlqConfig = z.output<typeof schema>

/** @throws FaultlineError CONFIG_INVALID, naming every problem */
export function parseDlqConfig(env: Readonly<Record<string, string | undefined>>): DlqConfig {
  return parseEnvironment(schema, env)
}
