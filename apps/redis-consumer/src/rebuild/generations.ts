import { redisKeys } from '@faultline/contracts/redis-keys'
import { FaultlineError } from '@faultline/runtime/errors'
import type { RedisClient } from '@faultline/runtime/redis'

/** What `faultline:generation` says of a database; null where it says nothing. */
export interface Generation {
  readonly id: string
  readonly status: string
  readonly announced: boolean
}

/** The start of the name under which a run is connected to Redis; the rest is the id of its generation. */
export const clientPrefix = 'faultline-rebuild-'

/** @throws FaultlineError SERVING_STORE_UNAVAILABLE */
export async function readGeneration(redis: RedisClient): Promise<Generation | null> {
  const [id, status, announced] = await redis.run('a generation', (client) =>
    client.hmget(redisKeys.generation, 'id', 'status', 'announced_at'),
  )
  if (typeof id !== 'string' || typeof status !== 'string') return null
  return { id, status, announced: typeof announced === 'string' || id === 'first' }
}

/** Notes that somebody was told that this generation serves. */
export async function announce(redis: RedisClient, nowMs: number): Promise<void> {
  await redis.run('a note', (client) => client.hset(redisKeys.generation, 'announced_at', nowMs))
}

/**
 * A run that was killed is no longer connected; one that was stopped still is, and may go on.
 * @throws FaultlineError REBUILD_REFUSED where the run of this generation is still connected
 */
export async function refuseRunning(redis: RedisClient, generation: Generation): Promise<void> {
  const list = await redis.run('the clients', (client) => client.client('LIST'))
  if (!String(list).includes(` name=${clientPrefix}${generation.id} `)) return
  throw new FaultlineError('REBUILD_REFUSED', `the rebuild ${generation.id} is running`, {
    remedy: 'Wait for it, or end its process and try again.',
  })
}

/** Next offset by partition. @throws FaultlineError SERVING_STORE_UNAVAILABLE */
export async function readOffsets(redis: RedisClient): Promise<ReadonlyMap<number, number>> {
  const stored = await redis.run('the progress', (client) => client.hgetall(redisKeys.progress))
  const partitions = Object.entries(stored).filter(([field]) => /^\d+$/.test(field))
  return new Map(partitions.map(([field, next]) => [Number(field), Number(next)]))
}
