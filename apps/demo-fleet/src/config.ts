import { z } from 'zod'
import { environment as names } from '@faultline/contracts/environment'
import { listenAddress, parseEnvironment } from '@faultline/runtime/config'

const schema = z
  .object({
    [names.databaseUrl]: z.url(),
    [names.opsListen]: listenAddress,
    [names.logLevel]: z.string().default('info'),
    // At most ten reports of each unit a second.
    [names.demoRowsPerSecond]: z.coerce.number().min(1).max(5_000).default(25),
    [names.demoSeed]: z.coerce.number().int().default(1),
  })
  .transform((env) => ({
    databaseUrl: env[names.databaseUrl],
    opsListen: env[names.opsListen],
    logLevel: env[names.logLevel],
    rowsPerSecond: env[names.demoRowsPerSecond],
    seed: env[names.demoSeed],
  }))

export type DemoFleetConfig = z.output<typeof schema>

/** @throws FaultlineError CONFIG_INVALID, naming every problem */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): DemoFleetConfig {
  return parseEnvironment(schema, env)
}
