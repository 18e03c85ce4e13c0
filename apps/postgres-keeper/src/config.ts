import { z } from 'zod'
import { environment as names } from '@faultline/contracts/environment'
import { listenAddress, parseEnvironment, positiveCount } from '@faultline/runtime/config'

const schema = z
  .object({
    [names.databaseUrl]: z.url(),
    [names.opsListen]: listenAddress,
    [names.logLevel]: z.string().default('info'),
    [names.rawRetentionDays]: positiveCount(90),
  })
  .transform((env) => ({
    databaseUrl: env[names.databaseUrl],
    opsListen: env[names.opsListen],
    logLevel: env[names.logLevel],
    retentionDays: env[names.rawRetentionDays],
  }))

export type KeeperConfig = z.output<typeof schema>

/** @throws FaultlineError CONFIG_INVALID, naming every problem */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): KeeperConfig {
  return parseEnvironment(schema, env)
}
