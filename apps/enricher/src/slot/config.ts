import { parseArgs } from 'node:util'
import { z } from 'zod'
import { environment as names } from '@faultline/contracts/environment'
import { brokerList, parseEnvironment } from '@faultline/runtime/config'
import { FaultlineError, messageOf } from '@faultline/runtime/errors'

const schema = z.object({
  [names.databaseUrl]: z.string().min(1),
  [names.kafkaBootstrap]: brokerList,
  [names.schemaRegistryUrl]: z.url(),
  [names.connectUrl]: z.url(),
})

export interface SlotCommand {
  readonly command: 'status' | 'recover'
  readonly json: boolean
  readonly databaseUrl: string
  readonly brokers: readonly string[]
  readonly registryUrl: string
  readonly connectUrl: string
}

/** @throws FaultlineError ARGUMENT_INVALID, CONFIG_INVALID */
export function parseSlotCommand(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): SlotCommand {
  const { command, json } = parseArguments(args)
  const found = parseEnvironment(schema, env)
  return {
    command,
    json,
    databaseUrl: found[names.databaseUrl],
    brokers: found[names.kafkaBootstrap],
    registryUrl: found[names.schemaRegistryUrl],
    connectUrl: found[names.connectUrl].replace(/\/$/, ''),
  }
}

function parseArguments(args: readonly string[]): Pick<SlotCommand, 'command' | 'json'> {
  const usage = { remedy: '`faultline slot --help` shows examples.' }
  try {
    const options = { json: { type: 'boolean', default: false } } as const
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true })
    const [command = 'status', ...rest] = positionals
    if ((command === 'status' || command === 'recover') && rest.length === 0) {
      return { command, json: values.json }
    }
  } catch (error) {
    throw new FaultlineError('ARGUMENT_INVALID', messageOf(error), usage)
  }
  throw new FaultlineError('ARGUMENT_INVALID', 'expected `status` or `recover`', usage)
}
