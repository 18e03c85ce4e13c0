import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { appNodeOptions } from '@faultline/stack/apps'
import { project, type Environment } from '../back-ends.ts'

export interface Rebuilt {
  readonly outcome: string
  readonly records: number
  readonly seconds: Readonly<Record<string, number>>
  readonly cpuSeconds: Readonly<Record<string, number>>
}

/** Builds Redis anew from the enriched topic, as `faultline rebuild redis` does. */
export async function rebuild(
  env: Environment,
  nodeOptions: readonly string[] = [],
): Promise<Rebuilt> {
  const main = join(project, 'apps', 'redis-consumer', 'src', 'rebuild', 'main.ts')
  const args = [...appNodeOptions, ...nodeOptions, main, '--json']
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    env: { ...process.env, ...env },
  })
  return JSON.parse(stdout) as Rebuilt
}
