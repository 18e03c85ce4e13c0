import { deviceEvent, fleetSummary, parseDeviceSummary } from '@faultline/contracts/device-summary'
import { progressFields, redisKeys } from '@faultline/contracts/redis-keys'
import type { RedisClient } from '@faultline/runtime/redis'
import {
  isStreamIdAfter,
  type AppliedPosition,
  type Progress,
  type RankedDevice,
  type RankingQuestion,
  type ServingReader,
  type StreamedEvent,
  type StreamedEvents,
  type TypedFleetSummary,
} from '../ports/serving-reader.ts'

type Hash = Readonly<Record<string, string>>
type StreamEntry = readonly [id: string, fieldsAndValues: readonly string[]]

/** No fleet has this many types; what is beyond is not shown, so that one answer stays bounded. */
const typesMax = 1_000
const partitionField = /^\d+$/

/** Reads the serving store of docs/ranking.md from Redis. */
export function createRedisServingReader(redis: RedisClient): ServingReader {
  const types = async () => {
    const members = await redis.run('the types', (client) => client.smembers(redisKeys.types))
    return members.sort().slice(0, typesMax)
  }
  return {
    device: async (deviceId) => {
      const [progress, hash] = await redis.runTogether('a device', (pipeline) => {
        // The progress first: then it never claims more than the summary holds.
        pipeline.hgetall(redisKeys.progress)
        pipeline.hgetall(redisKeys.deviceSummary(deviceId))
      })
      return { summary: parseDeviceSummary(hash as Hash), progress: progressOf(progress as Hash) }
    },
    devices: async (deviceIds) => {
      if (deviceIds.length === 0) return []
      const hashes = await redis.runTogether('devices', (pipeline) => {
        for (const deviceId of deviceIds) pipeline.hgetall(redisKeys.deviceSummary(deviceId))
      })
      return hashes.map((hash) => parseDeviceSummary(hash as Hash))
    },
    deviceIds: (scope, after, limit) =>
      redis.run('device ids', (client) =>
        client.zrangebylex(
          redisKeys.devices(scope),
          after === null ? '-' : `(${after}`,
          '+',
          'LIMIT',
          0,
          limit,
        ),
      ),
    ranking: async (question) => {
      const pairs = await redis.run('a ranking', (client) =>
        client.zrevrange(rankingKey(question), 0, question.limit - 1, 'WITHSCORES'),
      )
      return rankedFrom(pairs)
    },
    halfLifeMs: async () => {
      const text = await redis.run('the settings', (client) =>
        client.hget(redisKeys.settings, 'half_life_ms'),
      )
      return text === null ? null : Number(text)
    },
    fleet: async () => {
      const names = await types()
      if (names.length === 0) return []
      const hashes = await redis.runTogether('the fleet', (pipeline) => {
        for (const type of names) pipeline.hgetall(redisKeys.fleetSummary(type))
      })
      return names.map((type, index): TypedFleetSummary => ({
        type,
        ...fleetSummary.parse(hashes[index]),
      }))
    },
    events: (type, range) => readEvents(redis, type, range),
    progress: async () =>
      progressOf(await redis.run('the progress', (client) => client.hgetall(redisKeys.progress))),
  }
}

async function readEvents(
  redis: RedisClient,
  type: string,
  { after, limit }: { readonly after: string | null; readonly limit: number },
): Promise<StreamedEvents | null> {
  const key = redisKeys.enrichedEvents(type)
  const [known, first, entries] = await redis.runTogether('events', (pipeline) => {
    pipeline.sismember(redisKeys.types, type)
    pipeline.xrange(key, '-', '+', 'COUNT', 1)
    if (after === null) pipeline.xrevrange(key, '+', '-', 'COUNT', limit)
    else pipeline.xrange(key, `(${after}`, '+', 'COUNT', limit)
  })
  if (known === 0) return null
  const events = (entries as readonly StreamEntry[]).map(eventOf)
  if (after === null) return { events: events.toReversed(), hasGap: false }
  const firstId = (first as readonly StreamEntry[])[0]?.[0]
  return { events, hasGap: firstId !== undefined && isStreamIdAfter(firstId, after) }
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

function progressOf(hash: Hash): Progress {
  const positions: AppliedPosition[] = []
  for (const [field, nextOffset] of Object.entries(hash)) {
    if (!partitionField.test(field) || Number(nextOffset) < 1) continue
    const measuredAt = hash[progressFields.measuredAt(field)]
    positions.push({
      partition: Number(field),
      offset: Number(nextOffset) - 1,
      measuredAt: measuredAt === undefined ? null : Number(measuredAt),
    })
  }
  return positions.sort((one, other) => one.partition - other.partition)
}

function eventOf([id, fieldsAndValues]: StreamEntry): StreamedEvent {
  const fields: Record<string, string> = {}
  for (let index = 0; index + 1 < fieldsAndValues.length; index += 2) {
    fields[fieldsAndValues[index] ?? ''] = fieldsAndValues[index + 1] ?? ''
  }
  return { id, event: deviceEvent.parse(fields) }
}
