import { resolve } from 'node:path'
import { z } from 'zod'
import { environment as names } from '@faultline/contracts/environment'
import { listenAddress, parseEnvironment, positiveCount } from '@faultline/runtime/config'
import { parseTopicTemplate } from './topic-template.ts'

const brokerUrl = z.url({ protocol: /^mqtts?$/, error: 'expected mqtt://… or mqtts://…' })

const template = z.string().transform((text, context) => {
  const parsed = parseTopicTemplate(text)
  if (typeof parsed !== 'string') return parsed
  context.addIssue({ code: 'custom', message: parsed })
  return z.NEVER
})

const schema = z
  .object({
    [names.databaseUrl]: z.url(),
    [names.opsListen]: listenAddress,
    [names.logLevel]: z.string().default('info'),
    [names.mqttUrl]: brokerUrl,
    [names.mqttTopic]: template.prefault('fleet/{device_id}/measurements'),
    [names.mqttClientId]: z.string().min(1).default('faultline'),
    [names.mqttErrorFolder]: z.string().min(1),
    // As many as MQTT 5 can name.
    [names.mqttInFlightMax]: z.coerce.number().int().min(1).max(65_535).default(1_000),
    [names.mqttKnownHours]: positiveCount(24),
  })
  .transform((env) => ({
    databaseUrl: env[names.databaseUrl],
    opsListen: env[names.opsListen],
    brokerUrl: env[names.mqttUrl],
    template: env[names.mqttTopic],
    clientId: env[names.mqttClientId],
    errorFolder: resolve(env[names.mqttErrorFolder]),
    inFlightMax: env[names.mqttInFlightMax],
    knownHours: env[names.mqttKnownHours],
  }))

export type MqttSourceConfig = z.output<typeof schema>

/** @throws FaultlineError CONFIG_INVALID, naming every problem */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): MqttSourceConfig {
  return parseEnvironment(schema, env)
}
