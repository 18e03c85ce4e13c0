import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { allTypes, rankingWindows, redisKeys } from '@faultline/contracts/redis-keys'
import { deviceEvent } from '@faultline/contracts/device-summary'
import { decayedSumAt } from '@faultline/core/ranking'
import type { EnrichedMeasurement } from '@faultline/contracts/enriched-measurement'
import type { DeviceRecord, ServingStore } from '../../../apps/redis-consumer/src/serving-store.ts'
import { enrichedMeasurement } from '../../support/enriched-measurements.ts'
import {
  openServingRedis,
  rankingSettings,
  type ServingRedis,
} from '../../support/serving-redis.ts'

const t0 = 1_700_000_000_000
const hour = 3_600_000

let redis: ServingRedis
beforeAll(async () => {
  redis = await openServingRedis()
})
afterAll(() => redis.close())
beforeEach(() => redis.empty())

const fault = (offset: number, changes: Partial<EnrichedMeasurement> = {}): DeviceRecord => {
  const measurement = enrichedMeasurement({
    event_id: String(offset),
    measured_at: t0 + offset,
    fault_score: 0.5,
    fault_reasons: ['HIGH_TEMP'],
    ...changes,
  })
  return { offset, device_id: measurement.device_id, measurement }
}

/** Takes partition 0 over and applies the records as one range. */
async function applyAll(store: ServingStore, records: readonly DeviceRecord[]): Promise<void> {
  const { epoch, nextOffset } = await store.takeOver(0)
  await store.apply({
    partition: 0,
    epoch,
    firstOffset: nextOffset ?? 0,
    nextOffset: (records.at(-1)?.offset ?? 0) + 1,
    records,
  })
}

const range = (length: number, start = 0) => Array.from({ length }, (_, i) => start + i)
const dropped = () =>
  redis.client.run('dropped', (client) => client.hget(redisKeys.windowClock(allTypes), 'dropped'))

describe('what is kept has a bound', () => {
  it('the log of events keeps about the newest', async () => {
    const store = redis.store({ streamEventsMax: 100 })
    await applyAll(
      store,
      range(1_000).map((i) => fault(i)),
    )
    const entries = await redis.client.run('events', (client) =>
      client.xrevrange(redisKeys.enrichedEvents('hvac'), '+', '-'),
    )
    expect(entries.length).toBeGreaterThanOrEqual(100)
    expect(entries.length).toBeLessThan(300)
    const flat = entries[0]?.[1] ?? []
    const newest = Object.fromEntries(
      flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1] ?? '']] : [])),
    )
    expect(deviceEvent.parse(newest)).toMatchObject({
      event_id: '999',
      device_id: 'AC-0001',
      measured_at: t0 + 999,
      fault_score: 0.5,
      fault_reasons: ['HIGH_TEMP'],
      revision: 1,
    })
  })

  it('a window keeps the newest events and says how many it dropped', async () => {
    const store = redis.store({ windowEventsMax: 10, budget: 3 })
    await applyAll(
      store,
      range(40).map((i) => fault(i)),
    )
    const { windows } = await redis.contents()
    expect(rankingWindows.map((name) => windows.get(`all:${name}`)?.get('AC-0001'))).toEqual([5, 5])
    expect(await dropped()).toBe('60')
  })

  it('a jump in time empties windows in bounded steps, and leaves nothing', async () => {
    const store = redis.store({ budget: 7 })
    await applyAll(store, [
      ...range(100).map((i) => fault(i)),
      fault(100, { device_id: 'AC-0002', measured_at: t0 + 48 * hour }),
    ])
    const { windows } = await redis.contents()
    expect([...(windows.get('all:24h') ?? [])]).toEqual([['AC-0002', 0.5]])
    expect(await dropped()).toBeNull()
    const index = await redis.client.run('index', (client) =>
      client.exists(redisKeys.deviceWindowEvents('AC-0001')),
    )
    expect(index).toBe(0)
  })

  it('windows left unfinished by a former owner are emptied at take-over', async () => {
    const store = redis.store()
    await applyAll(
      store,
      range(20).map((i) => fault(i)),
    )
    await redis.client.run('clock', (client) =>
      client.hset(redisKeys.windowClock(allTypes), 'stream_time', t0 + 2 * hour),
    )
    await redis.store({ budget: 3 }).takeOver(1)
    const { windows } = await redis.contents()
    expect(windows.has('all:1h')).toBe(false)
    expect(windows.get('all:24h')?.get('AC-0001')).toBe(10)
  })

  it('a device that moves to a type far ahead in time leaves nothing behind', async () => {
    const later = t0 + 30 * hour
    await applyAll(redis.store(), [
      fault(0, { measured_at: t0 }),
      fault(1, { device_id: 'P-1', type: 'pump', measured_at: later }),
      fault(2, { type: 'pump', measured_at: later + 1 }),
    ])
    const { windows } = await redis.contents()
    expect(windows.get('pump:24h')?.get('AC-0001')).toBe(0.5)
    expect(windows.get('all:24h')?.get('AC-0001')).toBe(0.5)
  })

  it('a device with many events is removed in bounded steps', async () => {
    const store = redis.store({ budget: 7 })
    await applyAll(store, [
      ...range(100).map((i) => fault(i)),
      { offset: 100, device_id: 'AC-0001', measurement: null },
      fault(101, { device_id: 'AC-0002' }),
    ])
    expect([...(await redis.contents()).devices.keys()]).toEqual(['AC-0002'])
  })
})

describe('the live ranking', () => {
  it('orders by the decayed sum over centuries without overflow', async () => {
    const years = (n: number) => n * 365 * 24 * hour
    await applyAll(redis.store(), [
      fault(0, { device_id: 'OLD', measured_at: t0 - years(50), fault_score: 1 }),
      fault(1, { device_id: 'NOW', measured_at: t0, fault_score: 0.001 }),
      fault(2, { device_id: 'BOTH', measured_at: t0 - years(50), fault_score: 1 }),
      fault(3, { device_id: 'BOTH', measured_at: t0, fault_score: 0.002 }),
    ])
    const order = await redis.client.run('top', (client) =>
      client.zrevrange(redisKeys.topFaults(allTypes), 0, -1),
    )
    expect(order).toEqual(['BOTH', 'NOW', 'OLD'])
  })

  it('holds the sum of many small faults to six digits', async () => {
    await applyAll(
      redis.store(),
      range(5_000).map((i) => fault(i, { fault_score: 0.001 })),
    )
    const score = (await redis.contents()).live.get(allTypes)?.get('AC-0001') ?? 0
    const exact = range(5_000).reduce(
      (sum, i) => sum + (Math.round(0.001 * 2 ** 20) / 2 ** 20) * 2 ** ((i - 4_999) / hour),
      0,
    )
    expect(decayedSumAt(score, t0 + 4_999, hour) / exact).toBeCloseTo(1, 6)
  })

  it('keeps what it counted when an event is corrected that has left every window', async () => {
    await applyAll(redis.store(), [
      fault(0),
      fault(1, { device_id: 'AC-0002', measured_at: t0 + 48 * hour }),
    ])
    const before = (await redis.contents()).live.get(allTypes)?.get('AC-0001')
    await applyAll(redis.store(), [
      fault(2, { event_id: '0', measured_at: t0, fault_score: 1, revision: 2 }),
    ])
    const after = await redis.contents()
    expect(after.live.get(allTypes)?.get('AC-0001')).toBe(before)
    expect(after.devices.get('AC-0001')).toMatchObject({ fault_score: 1, events_total: 1 })
  })

  it('refuses another half-life than it was built with', async () => {
    await redis.store().takeOver(0)
    await expect(
      redis.store({ halfLifeMs: 2 * rankingSettings.halfLifeMs }).takeOver(0),
    ).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })
})
