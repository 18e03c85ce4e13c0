import { resolve } from 'node:path'
import { z } from 'zod'
import { environment as names } from '@faultline/contracts/environment'
import { listenAddress, parseEnvironment, positiveCount } from '@faultline/runtime/config'
import { shareOut } from './shares.ts'

const schema = z
  .object({
    [names.databaseUrl]: z.url(),
    [names.opsListen]: listenAddress,
    [names.logLevel]: z.string().default('info'),
    [names.collectFolder]: z.string().min(1),
    [names.collectErrorFolder]: z.string().min(1).optional(),
    [names.collectArchiveFolder]: z.string().min(1).optional(),
    [names.collectPollMs]: positiveCount(10_000),
    [names.collectSettleMs]: positiveCount(2_000),
    [names.collectPointsMax]: z.coerce.number().int().min(1_000).max(20_000_000).default(2_000_000),
    [names.collectBatchMs]: positiveCount(1_000),
  })
  .transform((env) => {
    const folder = resolve(env[names.collectFolder])
    const archive = env[names.collectArchiveFolder]
    return {
      databaseUrl: env[names.databaseUrl],
      opsListen: env[names.opsListen],
      folder,
      errorFolder: resolve(folder, env[names.collectErrorFolder] ?? 'rejected'),
      /** Collected files are deleted where there is none. */
      archiveFolder: archive === undefined ? undefined : resolve(folder, archive),
      pollMs: env[names.collectPollMs],
      settleMs: env[names.collectSettleMs],
      shares: shareOut(env[names.collectPointsMax]),
      batchMs: env[names.collectBatchMs],
    }
  })
  .refine(
    ({ folder, errorFolder, archiveFolder }) => ![errorFolder, archiveFolder].includes(folder),
    {
      path: [names.collectFolder],
      message: 'the folder for errors and the archive must be others than the one that is watched',
    },
  )

export type CollectorConfig = z.output<typeof schema>

/** @throws FaultlineError CONFIG_INVALID, naming every problem */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): CollectorConfig {
  return parseEnvironment(schema, env)
}
