import { deviceEvent, fleetSummary } from '@faultline/contracts/device-summary'
import { redisKeys } from '@faultline/contracts/redis-keys'
import type { RedisClient, RedisTransaction } from '@faultline/runtime/redis'
import { oldestOf, type Reading } from '../ports/progress.ts'
import {
  isStreamIdAfter,
  type RankedDevice,
  type RankingQuestion,
  type ServingReader,
  type StreamedEvent,
  type StreamedEvents,
  type TypedFleetSummary,
} from '../ports/serving-reader.ts'
import { DeviceReads } from './device-reads.ts'
import { progressOf } from './progress-hash.ts'

type Hash = Readonly<Record<string, string>>
type StreamEntry = readonly [id: string, fieldsAndValues: readonly string[]]

/** No fleet has this many types; what is beyond is not shown, so that one answer stays bounded. */
const typesMax = 1_000

/** Reads the serving store of docs/ranking.md from Redis. */
export function createRedisServingReader(redis: RedisClient): ServingReader {
  const deviceReads = new DeviceReads(redis)
  return {
    devices: (deviceIds) => deviceReads.read(deviceIds),
    deviceIds: async (scope, after, limit) => {
      const from = after === null ? '-' : `(${after}`
      const { value, progress } = await readTogether(redis, 'device ids', (transaction) => {
        transaction.zrangebylex(redisKeys.devices(scope), from, '+', 'LIMIT', 0, limit)
      })
      return { value: value[0] as string[], progress }
    },
    ranking: async (question) => {
      const { value, progress } = await readTogether(redis, 'a ranking', (transaction) => {
        transaction.zrevrange(rankingKey(question), 0, question.limit - 1, 'WITHSCORES')
        transaction.hget(redisKeys.settings, 'half_life_ms')
      })
      const [pairs, halfLife] = value as [string[], string | null]
      const halfLifeMs = halfLife === null ? null : Number(halfLife)
      return { value: { devices: rankedFrom(pairs), halfLifeMs }, progress }
    },
    fleet: () => readFleet(redis),
    events: (type, range) => readEvents(redis, type, range),
    progress: async () =>
      progressOf(await redis.run('the progress', (client) => client.hgetall(redisKeys.progress))),
  }
}

/** Replies of one transaction that reads the progress as well, so that no swap of generations comes between the two. */
async function readTogether(
  redis: RedisClient,
  operation: string,
  queue: (transaction: RedisTransaction) => void,
): Promise<Reading<readonly unknown[]>> {
  const [progress, ...value] = await redis.runAtomically(operation, (transaction) => {
    transaction.hgetall(redisKeys.progress)
    queue(transaction)
  })
  return { value, progress: progressOf(progress as Hash) }
}

async function readFleet(redis: RedisClient): Promise<Reading<readonly TypedFleetSummary[]>> {
  const types = await readTogether(redis, 'the types', (transaction) => {
    transaction.smembers(redisKeys.types)
  })
  const names = (types.value[0] as string[]).sort().slice(0, typesMax)
  const { value, progress } = await readTogether(redis, 'the fleet', (transaction) => {
    for (const type of names) transaction.hgetall(redisKeys.fleetSummary(type))
  })
  const fleet = names.flatMap((type, index): TypedFleetSummary[] => {
    const hash = value[index] as Hash
    // Empty: gone since the types were read.
    return Object.keys(hash).length === 0 ? [] : [{ type, ...fleetSummary.parse(hash) }]
  })
  return { value: fleet, progress: oldestOf(types.progress, progress) }
}

async function readEvents(
  redis: RedisClient,
  type: string,
  { after, limit }: { readonly after: string | null; readonly limit: number },
): Promise<Reading<StreamedEvents | null>> {
  const key = redisKeys.enrichedEvents(type)
  const { value, progress } = await readTogether(redis, 'events', (transaction) => {
    transaction.sismember(redisKeys.types, type)
    transaction.hget(redisKeys.generation, 'id')
    transaction.xrange(key, '-', '+', 'COUNT', 1)
    if (after === null) transaction.xrevrange(key, '+', '-', 'COUNT', limit)
    else transaction.xrange(key, `(${after}`, '+', 'COUNT', limit)
  })
  const [known, generation, first, entries] = value as [
    number,
    string | null,
    StreamEntry[],
    StreamEntry[],
  ]
  if (known === 0) return { value: null, progress }
  const events = entries.map(eventOf)
  if (after === null) {
    return { value: { events: events.toReversed(), hasGap: false, generation }, progress }
  }
  const firstId = first[0]?.[0]
  const hasGap = firstId !== undefined && isStreamIdAfter(firstId, after)
  return { value: { events, hasGap, generation }, progress }
}

function rankingKey({ scope, window }: RankingQuestion): string {
  return window === 'live' ? redisKeys.topFaults(scope) : redisKeys.topFaultsWindow(scope, window)
}

function rankedFrom(pairs: readonly string[]): readonly RankedDevice[] {
  const ranked: RankedDevice[] = []
  for (let index = 0; index + 1 < pairs.length; index += 2) {
    ranked.push({ deviceId: pairs[index] ?? '', score: Number(pairs[index + 1]) })
  }
  return ranked
}

function eventOf([id, fieldsAndValues]: StreamEntry): StreamedEvent {
  const fields: Record<string, string> = {}
  for (let index = 0; index + 1 < fieldsAndValues.length; index += 2) {
    fields[fieldsAndValues[index] ?? ''] = fieldsAndValues[index + 1] ?? ''
  }
  return { id, event: deviceEvent.parse(fields) }
}
