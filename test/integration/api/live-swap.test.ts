import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { redisKeys } from '@faultline/contracts/redis-keys'
import { createRedisServingReader } from '../../../apps/api/src/adapters/redis-serving-reader.ts'
import { LiveReader } from '../../../apps/api/src/live/live-reader.ts'
import { enrichedMeasurement } from '../../support/enriched-measurements.ts'
import { openServingRedis, type ServingRedis } from '../../support/serving-redis.ts'

const [liveDatabase, otherDatabase] = [13, 14]

let live: ServingRedis
let other: ServingRedis
let reader: LiveReader

beforeAll(async () => {
  live = await openServingRedis(liveDatabase)
  other = await openServingRedis(otherDatabase)
})
afterAll(async () => {
  await Promise.all([live.close(), other.close()])
})
beforeEach(async () => {
  for (const [redis, id] of [
    [live, 'first'],
    [other, 'second'],
  ] as const) {
    await redis.empty()
    await redis.store().takeOver(0)
    await redis.client.run('id', (client) => client.hset(redisKeys.generation, 'id', id))
  }
  reader = new LiveReader(createRedisServingReader(live.client))
})

/** Applies the measurements [first, end), each of a device of its own, whose id is its offset. */
async function apply(redis: ServingRedis, first: number, end: number) {
  const records = Array.from({ length: end - first }, (_, index) => {
    const event_id = String(first + index)
    const measurement = enrichedMeasurement({ event_id, device_id: `AC-${event_id}` })
    return { offset: first + index, device_id: measurement.device_id, measurement }
  })
  const range = { partition: 0, epoch: 1, firstOffset: first, nextOffset: end, records }
  await redis.store().apply(range)
}

async function told(): Promise<readonly string[]> {
  const { devices } = await reader.turn(Date.now())
  const changed = devices as { devices: readonly { event_id: string }[] } | undefined
  return (changed?.devices ?? []).map(({ event_id }) => event_id)
}

const swap = () => live.client.run('swap', (client) => client.swapdb(liveDatabase, otherDatabase))

describe('the live stream across a swap of generations', () => {
  it.each([
    ['older', () => apply(other, 0, 7), () => Promise.resolve()],
    ['newer', () => Promise.resolve(), () => apply(other, 0, 7)],
  ])('tells each measurement once where ids of the new one are %s', async (_, before, after) => {
    await before()
    await apply(live, 0, 5)
    expect(await told()).toEqual(['0', '1', '2', '3', '4'])
    await apply(live, 5, 6)
    expect(await told()).toEqual(['5'])
    await apply(live, 6, 7)
    await after()
    await swap()
    expect(await told()).toEqual(['6'])
    await apply(live, 7, 8)
    expect(await told()).toEqual(['7'])
    // Back to the former one, to which the consumer gives once more what it lacks.
    await swap()
    await apply(live, 7, 9)
    expect(await told()).toEqual(['8'])
  })

  it('tells nothing again when a store that was emptied is filled', async () => {
    await apply(live, 0, 5)
    expect(await told()).toHaveLength(5)
    await live.empty()
    await live.store().takeOver(0)
    await apply(live, 0, 3)
    expect(await told()).toEqual([])
    await apply(live, 3, 6)
    expect(await told()).toEqual(['5'])
  })
})
