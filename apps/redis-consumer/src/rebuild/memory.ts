import { freemem } from 'node:os'
import { FaultlineError } from '@faultline/runtime/errors'
import type { RedisClient } from '@faultline/runtime/redis'

/** What stays free for the live data to grow in while both generations are there. */
const headroom = 0.1

export interface MemoryEstimate {
  /** Of Redis now, with everything in it. */
  readonly usedBytes: number
  /** What the new generation will take, about. */
  readonly neededBytes: number
  /** maxmemory, or null where there is none. */
  readonly limitBytes: number | null
}

/**
 * The new generation takes about what the live one takes, and both are there until the old one is discarded.
 * @throws FaultlineError SERVING_STORE_UNAVAILABLE
 */
export async function estimateMemory(redis: RedisClient): Promise<MemoryEstimate> {
  const info = await redis.run('memory', (client) => client.info('memory'))
  const numberOf = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0)
  const limitBytes = numberOf('maxmemory')
  return {
    usedBytes: numberOf('used_memory'),
    neededBytes: numberOf('used_memory_dataset'),
    limitBytes: limitBytes === 0 ? null : limitBytes,
  }
}

/** @throws FaultlineError REBUILD_REFUSED where it would leave too little for the live generation */
export function refuseTooLarge(estimate: MemoryEstimate, freeBytes = freemem()): void {
  const { usedBytes, neededBytes, limitBytes } = estimate
  const isOverLimit = limitBytes !== null && usedBytes + neededBytes > limitBytes * (1 - headroom)
  if (!isOverLimit && neededBytes <= freeBytes * (1 - headroom)) return
  const megabytes = (bytes: number) => `${Math.ceil(bytes / 1_048_576)} MiB`
  const limit = limitBytes === null ? '' : `, maxmemory is ${megabytes(limitBytes)}`
  throw new FaultlineError(
    'REBUILD_REFUSED',
    `two generations may not fit: Redis uses ${megabytes(usedBytes)}, the new one needs about ${megabytes(neededBytes)}${limit}, the machine has ${megabytes(freeBytes)} free`,
    { remedy: 'Raise maxmemory, free memory, or go on all the same with --yes.' },
  )
}
