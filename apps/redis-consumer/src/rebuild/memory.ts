import { freemem } from 'node:os'
import { FaultlineError } from '@faultline/runtime/errors'
import type { RedisClient } from '@faultline/runtime/redis'
import type { RebuildConfig } from './config.ts'

/** What stays free for the live data to grow in while both generations are there. */
const headroom = 0.1

export interface MemoryEstimate {
  /** What Redis will use before it begins, the generation that makes room already gone. */
  readonly usedBytes: number
  /** What the new generation will take, about. */
  readonly neededBytes: number
  /** What the generation that makes room takes, about. */
  readonly freedBytes: number
  /** maxmemory, or null where there is none. */
  readonly limitBytes: number | null
}

type Databases = Pick<RebuildConfig, 'liveDatabase' | 'stagingDatabase'>

/**
 * The new generation takes about what the larger of the two takes that are there, and both are there until the old one is discarded.
 * @throws FaultlineError SERVING_STORE_UNAVAILABLE
 */
export async function estimateMemory(
  databases: Databases,
  redis: RedisClient,
): Promise<MemoryEstimate> {
  const [memory, keyspace] = await redis.runTogether('memory', (pipeline) =>
    pipeline.info('memory').info('keyspace'),
  )
  return estimateFrom(databases, { memory: String(memory), keyspace: String(keyspace) })
}

/** Redis tells the size of all databases together; generations have keys of one kind, so the number of keys divides it. */
export function estimateFrom(
  { liveDatabase, stagingDatabase }: Databases,
  { memory, keyspace }: { readonly memory: string; readonly keyspace: string },
): MemoryEstimate {
  const numberOf = (name: string) =>
    Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(memory)?.[1] ?? 0)
  const keys = new Map(
    [...keyspace.matchAll(/^db(\d+):keys=(\d+)/gm)].map(([, db, count]) => [
      Number(db),
      Number(count),
    ]),
  )
  const all = [...keys.values()].reduce((sum, count) => sum + count, 0)
  const sizeOf = (database: number) =>
    all === 0 ? 0 : (numberOf('used_memory_dataset') * (keys.get(database) ?? 0)) / all
  const freedBytes = sizeOf(stagingDatabase)
  const limitBytes = numberOf('maxmemory')
  return {
    usedBytes: numberOf('used_memory') - freedBytes,
    neededBytes: Math.max(sizeOf(liveDatabase), freedBytes),
    freedBytes,
    limitBytes: limitBytes === 0 ? null : limitBytes,
  }
}

/** @throws FaultlineError REBUILD_REFUSED where it would leave too little for the live generation */
export function refuseTooLarge(estimate: MemoryEstimate, freeBytes = freemem()): void {
  const { usedBytes, neededBytes, freedBytes, limitBytes } = estimate
  const isOverLimit = limitBytes !== null && usedBytes + neededBytes > limitBytes * (1 - headroom)
  if (!isOverLimit && neededBytes - freedBytes <= freeBytes * (1 - headroom)) return
  const megabytes = (bytes: number) => `${Math.ceil(bytes / 1_048_576)} MiB`
  const limit = limitBytes === null ? '' : `, maxmemory is ${megabytes(limitBytes)}`
  throw new FaultlineError(
    'REBUILD_REFUSED',
    `two generations may not fit: Redis uses ${megabytes(usedBytes)} for what stays, the new one needs about ${megabytes(neededBytes)}${limit}, the machine has ${megabytes(freeBytes)} free`,
    { remedy: 'Raise maxmemory, free memory, or go on all the same with --yes.' },
  )
}
