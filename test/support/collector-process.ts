import { join } from 'node:path'
import { AppProcess } from './app-process.ts'

interface CollectorSettings {
  readonly databaseUrl: string
  /** Holds `inbox`, and `points` for failpoints. */
  readonly folder: string
  readonly env?: Readonly<Record<string, string>>
  /** Whether to wait until it is ready: where it is to die or to wait, not. */
  readonly ready?: boolean
}

/** The collector, watching `inbox` of a folder. */
export function startCollector(settings: CollectorSettings): Promise<AppProcess> {
  const { databaseUrl, folder, env = {}, ready = true } = settings
  return AppProcess.start({
    app: 'collector',
    databaseUrl,
    folder,
    ready,
    env: {
      COLLECT_FOLDER: join(folder, 'inbox'),
      // Files of a test are finished soon after they were written.
      COLLECT_SETTLE_MS: '300',
      ...env,
    },
  })
}
