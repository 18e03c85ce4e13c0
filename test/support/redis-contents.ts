import assert from 'node:assert/strict'
import {
  allTypes,
  rankingWindows,
  redisKeys,
  type RankingWindow,
} from '@faultline/contracts/redis-keys'
import { deviceSummary, fleetSummary, type FleetSummary } from '@faultline/contracts/device-summary'
import type { DeviceTotals, ServingContents } from '@faultline/core/ranking'
import type { RedisClient } from '@faultline/runtime/redis'

const longestWindow: RankingWindow = '24h'

/** Reads a whole (small) Redis as the contents that the model counts; fails where its structures contradict each other. */
export async function redisContents(client: RedisClient): Promise<ServingContents> {
  return await client.run('contents', async (redis) => {
    const zset = async (key: string) => {
      const flat = await redis.zrange(key, 0, '-1', 'WITHSCORES')
      const scores = new Map<string, number>()
      for (let i = 0; i < flat.length; i += 2) scores.set(flat[i] ?? '', Number(flat[i + 1]))
      return scores
    }
    const types = await redis.smembers(redisKeys.types)
    const devices = new Map<string, DeviceTotals>()
    for (const id of (await zset(redisKeys.devices(allTypes))).keys()) {
      const stored = deviceSummary.parse(await redis.hgetall(redisKeys.deviceSummary(id)))
      assert.equal(stored.device_id, id)
      devices.set(id, {
        type: stored.type,
        alert_level: stored.alert_level,
        last_event_id: stored.last_event_id,
        last_measured_at: stored.last_measured_at,
        fault_score: stored.fault_score,
        first_seen: stored.first_seen,
        events_total: stored.events_total,
        faults_total: stored.faults_total,
        decayed_faults: stored.decayed_faults,
      })
    }
    const fleets = new Map<string, FleetSummary>()
    for (const type of types) {
      fleets.set(type, fleetSummary.parse(await redis.hgetall(redisKeys.fleetSummary(type))))
      const listed = [...(await zset(redisKeys.devices(type))).keys()]
      const ofType = [...devices].filter(([, device]) => device.type === type).map(([id]) => id)
      assert.deepEqual(new Set(listed), new Set(ofType))
    }
    const live = new Map<string, Map<string, number>>()
    const windows = new Map<string, Map<string, number>>()
    for (const scope of [...types, allTypes]) {
      const ranking = await zset(redisKeys.topFaults(scope))
      if (ranking.size > 0) live.set(scope, ranking)
      for (const window of rankingWindows) {
        const sums = await zset(redisKeys.topFaultsWindow(scope, window))
        if (sums.size > 0) windows.set(`${scope}:${window}`, sums)
      }
    }
    const ownEvents = new Map<string, string[]>()
    for (const type of types) {
      for (const member of (await zset(redisKeys.windowEvents(type, longestWindow))).keys()) {
        const [event, units, ...device] = member.split(':')
        const key = `${type} ${device.join(':')}`
        const own = ownEvents.get(key) ?? []
        ownEvents.set(key, own)
        own.push(`${event ?? ''}:${units ?? ''}`)
      }
    }
    for (const [id, { type }] of devices) {
      const index = await zset(redisKeys.deviceWindowEvents(id))
      assert.deepEqual([...index.keys()].sort(), (ownEvents.get(`${type} ${id}`) ?? []).sort())
    }
    refuseLeftovers(await redis.keys('*'), { types, devices: [...devices.keys()] })
    return { devices, fleets, live, windows }
  })
}

/** Every key belongs to a device or type that exists; logs of events and clocks stay. */
function refuseLeftovers(
  keys: readonly string[],
  known: { readonly types: readonly string[]; readonly devices: readonly string[] },
): void {
  const scopes = [...known.types, allTypes]
  const expected = new Set([
    redisKeys.progress,
    redisKeys.settings,
    redisKeys.generation,
    redisKeys.types,
    ...known.devices.flatMap((id) => [
      redisKeys.deviceSummary(id),
      redisKeys.deviceWindowEvents(id),
    ]),
    ...known.types.map(redisKeys.fleetSummary),
    ...scopes.flatMap((scope) => [
      redisKeys.topFaults(scope),
      redisKeys.devices(scope),
      ...rankingWindows.flatMap((window) => [
        redisKeys.topFaultsWindow(scope, window),
        redisKeys.windowEvents(scope, window),
      ]),
    ]),
  ])
  const stays = [redisKeys.enrichedEvents(''), redisKeys.windowClock('')]
  const leftovers = keys.filter(
    (key) => !expected.has(key) && !stays.some((prefix) => key.startsWith(prefix)),
  )
  assert.deepEqual(leftovers, [])
}
