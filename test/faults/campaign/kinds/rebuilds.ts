import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { ProductUnderTest } from '../product-under-test.ts'
import { pause } from '../pause.ts'
import { limits, type FaultContext, type FaultKind } from './kind.ts'

const projectFolder = resolve(import.meta.dirname, '..', '..', '..', '..')
const program = join(projectFolder, 'apps', 'redis-consumer', 'src', 'rebuild', 'main.ts')
const differs = 3

function startRebuild({ home, addresses }: ProductUnderTest, args: readonly string[]) {
  const log = openSync(join(home, 'logs', 'rebuild.log'), 'a')
  const child = spawn(process.execPath, [program, '--yes', ...args], {
    cwd: projectFolder,
    stdio: ['ignore', log, log],
    env: {
      PATH: process.env['PATH'],
      KAFKA_BOOTSTRAP: addresses.kafkaBootstrap,
      SCHEMA_REGISTRY_URL: addresses.schemaRegistryUrl,
      REDIS_URL: addresses.redisUrl,
    },
  })
  closeSync(log)
  return child
}

/** Exit code of a whole run. What another fault breaks may end it with 1; a generation that differs never has an excuse. */
async function rebuild({ product, note, signal }: FaultContext): Promise<void> {
  const child = startRebuild(product, [])
  const stop = () => void child.kill('SIGKILL')
  signal.addEventListener('abort', stop, { once: true })
  const [code] = (await once(child, 'exit')) as [number | null]
  signal.removeEventListener('abort', stop)
  note(`exit code ${code ?? 'none'}`)
  if (code === differs) throw new Error('the rebuilt generation differs from the topic')
}

/** Others may break the applications and the other back ends meanwhile; the API has to go on serving. */
const aRebuild = {
  touches: ['redis', 'link to redis'],
  stalls: [],
  limitSeconds: limits.backEnd,
} as const

const rebuilt: FaultKind = {
  ...aRebuild,
  name: 'rebuild-redis',
  weight: 1,
  inject: rebuild,
}

/** Killed somewhere on its way, and run again. */
const rebuildKilled: FaultKind = {
  ...aRebuild,
  name: 'rebuild-redis-killed',
  weight: 1,
  inject: async (context) => {
    const { product, chance, signal, note } = context
    const child = startRebuild(product, [])
    const ended = once(child, 'exit')
    const ms = chance.between(500, 8_000)
    await Promise.race([pause(ms, signal), ended])
    child.kill('SIGKILL')
    await ended
    note(`killed after ${ms} ms`)
    await rebuild(context)
  },
}

export const rebuildKinds: readonly FaultKind[] = [rebuilt, rebuildKilled]
