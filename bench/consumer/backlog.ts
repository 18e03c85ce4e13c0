import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { environment as names } from '@faultline/contracts/environment'
import { redisKeys } from '@faultline/contracts/redis-keys'
import type { RedisClient } from '@faultline/runtime/redis'
import { appNodeOptions } from '@faultline/stack/apps'
import { freePort } from '../../test/support/free-port.ts'
import { project, type Environment } from '../back-ends.ts'
import { processorSeconds } from '../end-to-end/processor-time.ts'

const lookAgainMs = 20
const limitMs = 300_000

interface Backlog {
  readonly redis: RedisClient
  readonly redisPid: number
  readonly topic: string
  readonly records: number
  readonly nodeOptions: readonly string[]
}

interface Emptied {
  /** From the first progress on: what the process needs to start is not counted. */
  readonly perSecond: number
  /** Processor time of the consumer, its start included, and of Redis. */
  readonly consumerUs: number
  readonly redisUs: number
}

/** Starts the Redis consumer as the stack does, with all of a topic before it, and stops it when everything is in an empty Redis. */
export async function workOff(env: Environment, backlog: Backlog): Promise<Emptied> {
  const { redis, redisPid, topic, records, nodeOptions } = backlog
  const main = join(project, 'apps', 'redis-consumer', 'src', 'main.ts')
  const ops = { [names.opsListen]: `127.0.0.1:${await freePort()}`, [names.logLevel]: 'warn' }
  const before = await processorSeconds(new Map([['redis', redisPid]]))
  const child = spawn(process.execPath, [...appNodeOptions, ...nodeOptions, main], {
    env: { ...process.env, ...env, ...ops, [names.enrichTopic]: topic },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const ended = once(child, 'exit')
  try {
    const startedMs = performance.now()
    let first: { readonly atMs: number; readonly done: number } | undefined
    for (;;) {
      const done = await applied(redis)
      const atMs = performance.now()
      if (done > 0) first ??= { atMs, done }
      if (done >= records && first !== undefined) {
        const pids = new Map([
          ['consumer', child.pid ?? 0],
          ['redis', redisPid],
        ])
        const after = await processorSeconds(pids)
        const redisSeconds = (after.get('redis') ?? NaN) - (before.get('redis') ?? NaN)
        return {
          perSecond: ((done - first.done) * 1_000) / (atMs - first.atMs),
          consumerUs: ((after.get('consumer') ?? NaN) * 1e6) / records,
          redisUs: (redisSeconds * 1e6) / records,
        }
      }
      if (child.exitCode !== null || atMs - startedMs > limitMs) {
        throw new Error(`the consumer applied ${done} of ${records} records`)
      }
      await delay(lookAgainMs)
    }
  } finally {
    child.kill('SIGTERM')
    await ended
  }
}

/** Offsets that Redis states; the bench writes no markers, so they are records. */
async function applied(redis: RedisClient): Promise<number> {
  const progress = await redis.run('the progress', (client) => client.hgetall(redisKeys.progress))
  const offsets = Object.entries(progress).filter(([field]) => /^\d+$/.test(field))
  return offsets.reduce((sum, [, next]) => sum + Number(next), 0)
}
