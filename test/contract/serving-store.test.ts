import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ServingContents } from '@faultline/core/ranking'
import type { EnrichedMeasurement } from '@faultline/contracts/enriched-measurement'
import type { DeviceRecord, ServingStore } from '../../apps/redis-consumer/src/serving-store.ts'
import { enrichedMeasurement } from '../support/enriched-measurements.ts'
import { memoryServingStore } from '../support/memory-serving-store.ts'
import { openServingRedis, rankingSettings, type ServingRedis } from '../support/serving-redis.ts'

interface Harness {
  open(): Promise<{
    store: ServingStore
    contents: () => Promise<ServingContents>
  }>
}

let redis: ServingRedis
beforeAll(async () => {
  redis = await openServingRedis()
})
afterAll(() => redis.close())

const harnesses: Record<string, Harness> = {
  memory: {
    open() {
      const store = memoryServingStore(rankingSettings)
      return Promise.resolve({ store, contents: () => Promise.resolve(store.contents()) })
    },
  },
  redis: {
    async open() {
      await redis.empty()
      return { store: redis.store(), contents: redis.contents }
    },
  },
}

const hour = 3_600_000
const t0 = 1_700_000_000_000

const at = (offset: number, changes: Partial<EnrichedMeasurement> = {}): DeviceRecord => {
  const measurement = enrichedMeasurement({ event_id: String(offset), measured_at: t0, ...changes })
  return { offset, device_id: measurement.device_id, measurement }
}
const removal = (offset: number, device_id: string): DeviceRecord => ({
  offset,
  device_id,
  measurement: null,
})
const fault = { fault_score: 0.5, alert_level: 'warning', fault_reasons: ['HIGH_TEMP'] } as const

describe.each(Object.entries(harnesses))('serving store: %s', (_name, harness) => {
  let store: ServingStore
  let contents: () => Promise<ServingContents>
  let epoch: number

  beforeEach(async () => {
    ;({ store, contents } = await harness.open())
    epoch = (await store.takeOver(0)).epoch
  })

  const apply = (...records: DeviceRecord[]): Promise<number> => {
    const offsets = records.map(({ offset }) => offset)
    return store.apply({
      partition: 0,
      epoch,
      firstOffset: Math.min(...offsets),
      nextOffset: Math.max(...offsets) + 1,
      records,
    })
  }
  const device = async (id = 'AC-0001') => (await contents()).devices.get(id)

  it('knows no offset before anything is applied, and the next one after', async () => {
    expect((await store.takeOver(1)).nextOffset).toBeNull()
    await apply(at(10), at(12))
    expect((await store.takeOver(0)).nextOffset).toBe(13)
  })

  it('moves on over a range without records', async () => {
    await store.apply({ partition: 0, epoch, firstOffset: 0, nextOffset: 7, records: [] })
    expect((await store.takeOver(0)).nextOffset).toBe(7)
  })

  it('applies nothing twice, and of an overlapping range only the rest', async () => {
    expect(await apply(at(0, fault), at(1, fault))).toBe(2)
    expect(await apply(at(0, fault), at(1, fault))).toBe(0)
    expect(await apply(at(1, fault), at(2, fault))).toBe(1)
    expect(await device()).toMatchObject({ events_total: 3, faults_total: 3 })
    expect((await contents()).windows.get('all:1h')?.get('AC-0001')).toBe(1.5)
  })

  it('refuses a range behind a gap', async () => {
    await apply(at(0))
    await expect(apply(at(2))).rejects.toMatchObject({ code: 'SERVING_STORE_BEHIND' })
    expect(await device()).toMatchObject({ events_total: 1 })
  })

  it('refuses an owner it never had, as after a loss of the store', async () => {
    epoch += 1
    await expect(apply(at(0))).rejects.toMatchObject({ code: 'SERVING_STORE_BEHIND' })
  })

  it('refuses the former owner of a partition, and of no other', async () => {
    await apply(at(0))
    await store.takeOver(1)
    await apply(at(1))
    await store.takeOver(0)
    await expect(apply(at(2))).rejects.toMatchObject({ code: 'SERVING_STORE_FENCED' })
    expect(await device()).toMatchObject({ events_total: 2 })
  })

  it('counts a late measurement and keeps the newest values', async () => {
    await apply(at(0), at(1, { ...fault, measured_at: t0 - hour / 2 }))
    expect(await device()).toMatchObject({
      last_event_id: '0',
      alert_level: 'normal',
      fault_score: 0,
      first_seen: t0 - hour / 2,
      events_total: 2,
      faults_total: 1,
    })
    expect((await contents()).windows.get('hvac:1h')?.get('AC-0001')).toBe(0.5)
  })

  it('replaces an event by its correction and counts it once', async () => {
    await apply(at(0, fault), at(1, { ...fault, event_id: '0', fault_score: 0.25, revision: 2 }))
    expect(await device()).toMatchObject({ events_total: 1, faults_total: 1, fault_score: 0.25 })
    expect((await device())?.decayed_faults).toBeCloseTo(0.25, 6)
    expect((await contents()).windows.get('all:24h')?.get('AC-0001')).toBe(0.25)
    await apply(at(2, { event_id: '0', revision: 3 }))
    const now = await contents()
    expect([now.live.size, now.windows.size]).toEqual([0, 0])
  })

  it('decays a fault by half in a half-life', async () => {
    await apply(at(0, fault), at(1, { measured_at: t0 + rankingSettings.halfLifeMs }))
    expect((await device())?.decayed_faults).toBeCloseTo(0.25, 6)
  })

  it('counts in a window what is inside its half-open length', async () => {
    await apply(
      at(0, { ...fault, measured_at: t0 }),
      at(1, { ...fault, measured_at: t0 + 1 }),
      at(2, { measured_at: t0 + hour }),
    )
    const { windows } = await contents()
    expect(windows.get('all:1h')?.get('AC-0001')).toBe(0.5)
    expect(windows.get('all:24h')?.get('AC-0001')).toBe(1)
  })

  it('leaves a late event out of a window that has passed it', async () => {
    await apply(at(0), at(1, { ...fault, measured_at: t0 - 2 * hour }))
    const { windows } = await contents()
    expect(windows.get('all:1h')).toBeUndefined()
    expect(windows.get('all:24h')?.get('AC-0001')).toBe(0.5)
  })

  it('ranks a device under the type of its newest measurement, with all it has', async () => {
    await apply(at(0, fault), at(1, { ...fault, type: 'pump', measured_at: t0 + 1 }))
    const now = await contents()
    expect([...now.fleets.keys()]).toEqual(['pump'])
    expect(now.fleets.get('pump')).toMatchObject({ devices: 1, devices_warning: 1, events: 2 })
    expect([...now.live.keys()].sort()).toEqual(['all', 'pump'])
    expect(now.windows.get('pump:1h')?.get('AC-0001')).toBe(1)
    expect(now.windows.has('hvac:1h')).toBe(false)
  })

  it('removes a device from every structure', async () => {
    await apply(at(0, fault), at(1, { ...fault, device_id: 'AC-0002' }), removal(2, 'AC-0001'))
    const now = await contents()
    expect([...now.devices.keys()]).toEqual(['AC-0002'])
    expect(now.fleets.get('hvac')).toMatchObject({ devices: 1, events: 1, faults: 1 })
    for (const ranking of [...now.live.values(), ...now.windows.values()]) {
      expect([...ranking.keys()]).toEqual(['AC-0002'])
    }
    await apply(removal(3, 'AC-0002'), removal(4, 'AC-0003'))
    const empty = await contents()
    expect([empty.devices.size, empty.fleets.size, empty.live.size, empty.windows.size]).toEqual([
      0, 0, 0, 0,
    ])
  })
})
