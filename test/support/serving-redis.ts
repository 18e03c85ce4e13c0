import { rankingWindowMs } from '@faultline/contracts/redis-keys'
import type { RankingSettings, ServingContents } from '@faultline/core/ranking'
import { createLogger } from '@faultline/runtime/logging'
import { connectRedis, type RedisClient } from '@faultline/runtime/redis'
import type { ScriptSettings } from '../../apps/redis-consumer/src/commands/commands.ts'
import { redisServingStore } from '../../apps/redis-consumer/src/redis-serving-store.ts'
import type { ServingStore } from '../../apps/redis-consumer/src/serving-store.ts'
import { connection } from './connection.ts'
import { redisContents } from './redis-contents.ts'

export const rankingSettings: RankingSettings = {
  halfLifeMs: 3_600_000,
  windows: rankingWindowMs,
}

/** A database of the test server that belongs to these tests; the applications use number 0. */
const testDatabase = 9

export interface ServingRedis {
  readonly client: RedisClient
  /** A store on it; settings other than the tests' ordinary ones may be given. */
  store(settings?: Partial<ScriptSettings>): ServingStore
  contents: () => Promise<ServingContents>
  empty(): Promise<void>
  close: () => Promise<void>
}

export async function openServingRedis(database = testDatabase): Promise<ServingRedis> {
  const connected = await connectRedis({
    url: `${connection().redisUrl}/${database}`,
    clientName: 'serving-store-tests',
    logger: createLogger('serving-store-tests', 'silent'),
  })
  const client = connected.value
  return {
    client,
    store: (settings = {}) =>
      redisServingStore(client, {
        halfLifeMs: rankingSettings.halfLifeMs,
        streamEventsMax: 100,
        windowEventsMax: 100_000,
        budget: 1_000,
        ...settings,
      }),
    contents: () => redisContents(client),
    async empty() {
      await client.run('empty', (redis) => redis.flushdb())
    },
    close: () => connected.stop(),
  }
}
