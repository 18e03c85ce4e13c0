import { allTypes, redisKeys } from '@faultline/contracts/redis-keys'
import { FaultlineError } from '@faultline/runtime/errors'
import type { RedisClient } from '@faultline/runtime/redis'
import {
  applyRecords,
  shrinkWindows,
  takeOverPartition,
  type ScriptSettings,
} from './commands/commands.ts'
import { encodeRecord } from './encode-record.ts'
import type { Ownership, RecordRange, ServingStore } from './serving-store.ts'

/** The serving store on Redis: a thin loop around the scripts, which hold the rules. */
export function redisServingStore(redis: RedisClient, settings: ScriptSettings): ServingStore {
  return {
    takeOver: (partition) => takeOver(redis, partition, settings),
    apply: (range) => apply(redis, range, settings),
  }
}

async function takeOver(
  redis: RedisClient,
  partition: number,
  settings: ScriptSettings,
): Promise<Ownership> {
  const reply = await takeOverPartition(redis, partition, settings.halfLifeMs)
  if (reply.code === 'HALF_LIFE_DIFFERS') {
    throw new FaultlineError(
      'CONFIG_INVALID',
      `the rankings in Redis were built with a half-life of ${reply.storedHalfLifeMs} ms, the setting says ${settings.halfLifeMs} ms`,
      { remedy: 'Set the old half-life again, or rebuild Redis from the enriched topic.' },
    )
  }
  // A former owner may have stopped between applying records and emptying the windows.
  const types = await redis.run('types', (client) => client.smembers(redisKeys.types))
  for (const scope of [...types, allTypes]) await shrinkCompletely(redis, scope, settings)
  return reply
}

async function apply(
  redis: RedisClient,
  range: RecordRange,
  settings: ScriptSettings,
): Promise<number> {
  const recordsJson = JSON.stringify(range.records.map(encodeRecord))
  let applied = 0
  for (;;) {
    // A call that is unfinished took out `budget` events of a removed device, so this ends.
    const reply = await applyRecords(redis, range, recordsJson, settings)
    switch (reply.code) {
      case 'APPLIED':
      case 'UNFINISHED':
        applied += reply.applied
        for (const scope of reply.scopesToShrink) await shrinkCompletely(redis, scope, settings)
        if (reply.code === 'APPLIED') return applied
        break
      case 'ALREADY_APPLIED':
        return applied
      case 'FENCED':
        throw new FaultlineError(
          'SERVING_STORE_FENCED',
          `partition ${range.partition} was taken over by another process`,
          { context: { epoch: range.epoch, ownerEpoch: reply.epoch } },
        )
      case 'GAP':
        throw new FaultlineError(
          'SERVING_STORE_BEHIND',
          `Redis holds partition ${range.partition} up to ${reply.storedNextOffset ?? 'nothing'}, not up to ${range.firstOffset}: it lost data`,
          { context: { epoch: range.epoch, storedNextOffset: reply.storedNextOffset } },
        )
    }
  }
}

/** Each call takes out up to `budget` events and the set is bounded, so this ends. */
async function shrinkCompletely(
  redis: RedisClient,
  scope: string,
  settings: ScriptSettings,
): Promise<void> {
  let unfinished = true
  while (unfinished) unfinished = await shrinkWindows(redis, scope, settings)
}
