import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { recount } from '@faultline/core/ranking'
import type { DeviceEvent, DeviceSummary } from '@faultline/contracts/device-summary'
import type { EnrichedMeasurement } from '@faultline/contracts/enriched-measurement'
import { redisKeys } from '@faultline/contracts/redis-keys'
import { createLogger } from '@faultline/runtime/logging'
import { connectRedis, type RedisClient } from '@faultline/runtime/redis'
import type { Started } from '@faultline/runtime/lifecycle'
import { createRedisServingReader } from '../../apps/api/src/adapters/redis-serving-reader.ts'
import type { ServingReader } from '../../apps/api/src/ports/serving-reader.ts'
import {
  createMemoryServingReader,
  emptyServingContents,
} from '../../apps/api/src/testing/memory-serving-reader.ts'
import { redisServingStore } from '../../apps/redis-consumer/src/redis-serving-store.ts'
import { connection } from '../support/connection.ts'
import { enrichedMeasurement } from '../support/enriched-measurements.ts'
import { rankingSettings } from '../support/serving-redis.ts'

/** A database of the test server that belongs to these tests. */
const testDatabase = 10
const { halfLifeMs } = rankingSettings
const hour = 3_600_000
const t0 = 1_700_000_000_000

interface Harness {
  /** A reader of a store that has applied these measurements, offset by offset from 100, in partition 3. */
  readerOf(measurements: readonly EnrichedMeasurement[]): Promise<ServingReader>
}

let redis: Started<RedisClient>
beforeAll(async () => {
  redis = await connectRedis({
    url: `${connection().redisUrl}/${testDatabase}`,
    clientName: 'serving-reader-tests',
    logger: createLogger('serving-reader-tests', 'silent'),
  })
})
afterAll(() => redis.stop())

const harnesses: Record<string, Harness> = {
  memory: {
    readerOf: (measurements) =>
      Promise.resolve(createMemoryServingReader(contentsOf(measurements))),
  },
  redis: {
    async readerOf(measurements) {
      const client = redis.value
      await client.run('empty', (server) => server.flushdb())
      const store = redisServingStore(client, {
        halfLifeMs,
        streamEventsMax: 100,
        windowEventsMax: 1_000,
        budget: 1_000,
      })
      const { epoch } = await store.takeOver(3)
      const records = measurements.map((measurement, index) => ({
        offset: 100 + index,
        device_id: measurement.device_id,
        measurement,
      }))
      const nextOffset = 100 + measurements.length
      if (records.length > 0) {
        await store.apply({ partition: 3, epoch, firstOffset: 100, nextOffset, records })
      }
      return createRedisServingReader(client)
    },
  },
}

/** What the store has to hold, by the brute-force recount. */
function contentsOf(measurements: readonly EnrichedMeasurement[]) {
  const contents = emptyServingContents()
  contents.halfLifeMs = halfLifeMs
  const counted = recount(
    measurements.map((measurement) => ({ device_id: measurement.device_id, measurement })),
    rankingSettings,
  )
  for (const [index, measurement] of measurements.entries()) {
    const offset = 100 + index
    const totals = counted.devices.get(measurement.device_id)
    const summary = { ...summaryOf(measurement, offset), ...totals }
    if (totals?.last_event_id === measurement.event_id) {
      contents.devices.set(measurement.device_id, summary)
    }
    const stream = contents.streams.get(measurement.type) ?? []
    stream.push({ id: `${offset}-0`, event: eventOf(measurement, offset) })
    contents.streams.set(measurement.type, stream)
    const measuredAt = Math.max(contents.progress[0]?.measuredAt ?? 0, measurement.measured_at)
    contents.progress = [{ partition: 3, offset, measuredAt }]
  }
  const rankings = [
    ...[...counted.live].map(([scope, ranking]) => [`${scope}:live`, ranking] as const),
    ...counted.windows,
  ]
  for (const [name, ranking] of rankings) {
    const ranked = [...ranking].map(([deviceId, score]) => ({ deviceId, score }))
    contents.rankings.set(name, ranked)
  }
  for (const [type, fleet] of counted.fleets) contents.fleet.push({ type, ...fleet })
  return contents
}

function eventOf(m: EnrichedMeasurement, offset: number): DeviceEvent {
  const { device_id, name, line, revision, committed_at, alert_level, alarm_level, event_id } = m
  const { fault_score, fault_reasons, fault_probability, explanation, measured_at } = m
  return {
    ...{ device_id, name, line, revision, committed_at, alert_level, alarm_level, event_id },
    ...{ fault_score, fault_reasons, fault_probability, explanation, measured_at },
    source_partition: m.source.partition,
    source_offset: m.source.offset,
    enriched_offset: offset,
  }
}

function summaryOf(m: EnrichedMeasurement, offset: number): DeviceSummary {
  const { event_id, measured_at, ...event } = eventOf(m, offset)
  const { type, model, location, car_number } = m
  return {
    ...event,
    ...{ type, model, location, car_number },
    last_event_id: event_id,
    last_measured_at: measured_at,
    max_z: m.features['max_z'] ?? null,
    first_seen: 0,
    events_total: 0,
    faults_total: 0,
    decayed_faults: 0,
  }
}

let nextEvent = 0
function measured(changes: Partial<EnrichedMeasurement>): EnrichedMeasurement {
  nextEvent += 1
  return enrichedMeasurement({ event_id: String(nextEvent), measured_at: t0, ...changes })
}

const explanation = [
  {
    source: 'rule',
    code: 'HIGH_TEMP',
    channel: 'temp_supply_air',
    value: 38.5,
    limit: 35,
    contribution: 0.25,
  },
] as const
const fault = {
  fault_score: 0.25,
  alert_level: 'warning',
  fault_reasons: ['HIGH_TEMP'],
  explanation,
} as const

describe.each(Object.entries(harnesses))('serving reader: %s', (_name, harness) => {
  let reader: ServingReader
  const fleet = [
    measured({ device_id: 'b', ...fault }),
    measured({ device_id: 'a', location: 'Düsseldorf 🚇', car_number: 4 }),
    measured({ device_id: 'C', ...fault, fault_score: 0.5 }),
    measured({ device_id: 'é', type: 'ahu', model: 'lbnl-ahu', ...fault, alert_level: 'critical' }),
    measured({ device_id: 'b', measured_at: t0 + hour, ...fault, fault_score: 0.75 }),
  ]

  beforeEach(async () => {
    reader = await harness.readerOf(fleet)
  })

  it('gives a device with everything that is known of it', async () => {
    const { value, progress } = await reader.devices(['b', 'a', 'nobody'])
    const [summary, other, nobody] = value
    expect(summary).toMatchObject({
      device_id: 'b',
      type: 'hvac',
      name: 'Unit 1',
      location: null,
      last_measured_at: t0 + hour,
      alert_level: 'warning',
      fault_score: 0.75,
      fault_reasons: ['HIGH_TEMP'],
      explanation,
      fault_probability: null,
      events_total: 2,
      faults_total: 2,
      enriched_offset: 104,
    })
    expect(summary?.decayed_faults).toBeCloseTo(0.875, 6)
    expect(progress).toEqual([{ partition: 3, offset: 104, measuredAt: t0 + hour }])
    expect(other).toMatchObject({
      location: 'Düsseldorf 🚇',
      car_number: 4,
      fault_reasons: [],
    })
    expect(nobody).toBeNull()
  })

  it('gives devices in the order asked for', async () => {
    const { value: found } = await reader.devices(['C', 'nobody', 'a', 'C'])
    expect(found.map((summary) => summary?.device_id)).toEqual(['C', undefined, 'a', 'C'])
    expect((await reader.devices([])).value).toEqual([])
  })

  it('gives everybody who asks at the same moment what they asked for', async () => {
    const questions = [['a'], ['b', 'nobody'], ['a', 'C'], [], ['é']]
    const readings = await Promise.all(questions.map((ids) => reader.devices(ids)))
    const found = readings.map(({ value }) => value.map((summary) => summary?.device_id))
    expect(found).toEqual([['a'], ['b', undefined], ['a', 'C'], [], ['é']])
    const many = Array.from({ length: 499 }, (_, n) => `nobody ${n}`)
    const [more, most] = await Promise.all([reader.devices(['a', 'b']), reader.devices(many)])
    expect(more.value.map((summary) => summary?.device_id)).toEqual(['a', 'b'])
    expect(most.value).toEqual(many.map(() => null))
  })

  it('keeps every character of a text', async () => {
    const name = 'a"b\\c/d\u0000\u001e\u007f\u2028 é 🚇 [1,2]'
    const other = await harness.readerOf([measured({ device_id: 'x', name })])
    expect((await other.devices(['x'])).value[0]?.name).toBe(name)
  })

  it('pages through ids by their bytes', async () => {
    expect((await reader.deviceIds('all', null, 10)).value).toEqual(['C', 'a', 'b', 'é'])
    expect((await reader.deviceIds('all', 'C', 2)).value).toEqual(['a', 'b'])
    expect((await reader.deviceIds('hvac', 'b', 10)).value).toEqual([])
    expect((await reader.deviceIds('ahu', null, 10)).value).toEqual(['é'])
    expect((await reader.deviceIds('pump', null, 10)).value).toEqual([])
  })

  it('ranks by decayed and by windowed sums', async () => {
    const idsOf = async (scope: string, window: 'live' | '1h' | '24h', limit = 10) =>
      (await reader.ranking({ scope, window, limit })).value.devices.map(({ deviceId }) => deviceId)
    expect(await idsOf('all', 'live')).toEqual(['b', 'C', 'é'])
    expect(await idsOf('all', 'live', 1)).toEqual(['b'])
    expect(await idsOf('ahu', '24h')).toEqual(['é'])
    expect(await idsOf('pump', 'live')).toEqual([])
    const { value } = await reader.ranking({ scope: 'hvac', window: '24h', limit: 1 })
    expect(value).toEqual({ devices: [{ deviceId: 'b', score: 1 }], halfLifeMs })
  })

  it('sums up the fleet by type', async () => {
    expect((await reader.fleet()).value).toEqual([
      {
        type: 'ahu',
        devices: 1,
        devices_normal: 0,
        devices_warning: 0,
        devices_critical: 1,
        events: 1,
        faults: 1,
      },
      {
        type: 'hvac',
        devices: 3,
        devices_normal: 1,
        devices_warning: 2,
        devices_critical: 0,
        events: 4,
        faults: 3,
      },
    ])
  })

  it('reads a stream in order, from the end or from a place', async () => {
    const { value: newest } = await reader.events('hvac', { after: null, limit: 2 })
    expect(newest?.hasGap).toBe(false)
    expect(newest?.events.map(({ event }) => event.device_id)).toEqual(['C', 'b'])
    const { value: all } = await reader.events('hvac', { after: null, limit: 10 })
    expect(all?.events.map(({ event }) => event.device_id)).toEqual(['b', 'a', 'C', 'b'])
    expect(all?.events[0]?.event).toMatchObject({ measured_at: t0, explanation, name: 'Unit 1' })
    const second = all?.events[1]?.id ?? ''
    const { value: after } = await reader.events('hvac', { after: second, limit: 1 })
    expect(after?.events.map(({ event }) => event.device_id)).toEqual(['C'])
    expect(after?.hasGap).toBe(false)
    expect((await reader.events('hvac', { after: '0-1', limit: 1 })).value?.hasGap).toBe(true)
    expect((await reader.events('pump', { after: null, limit: 1 })).value).toBeNull()
  })

  it('tells with every reading how far the store was', async () => {
    const readings = [
      await reader.devices(['b']),
      await reader.devices([]),
      await reader.deviceIds('all', null, 1),
      await reader.ranking({ scope: 'all', window: 'live', limit: 1 }),
      await reader.fleet(),
      await reader.events('hvac', { after: null, limit: 1 }),
    ]
    const progress = [{ partition: 3, offset: 104, measuredAt: t0 + hour }]
    expect(readings.map((reading) => reading.progress)).toEqual(readings.map(() => progress))
    expect(await reader.progress()).toEqual(progress)
  })

  it('is empty before the first record', async () => {
    const empty = await harness.readerOf([])
    expect(await empty.progress()).toEqual([])
    expect(await empty.fleet()).toEqual({ value: [], progress: [] })
    expect((await empty.ranking({ scope: 'all', window: '1h', limit: 5 })).value.devices).toEqual(
      [],
    )
  })
})

it('a change is in the next reading', async () => {
  const reader = await harnesses['redis']?.readerOf([measured({ device_id: 'a' })])
  const level = async () => (await reader?.devices(['a']))?.value[0]?.alert_level
  const key = redisKeys.deviceSummary('a')
  const found = [await level()]
  for (const now of ['critical', 'normal', 'critical']) {
    await redis.value.run('change', (server) => server.hset(key, 'alert_level', now))
    found.push(await level(), await level())
  }
  await redis.value.run('remove', (server) => server.del(key))
  found.push(await level())
  expect(found).toEqual([
    ...['normal', 'critical', 'critical', 'normal', 'normal', 'critical', 'critical', undefined],
  ])
})

it('a key that is no summary fails only who asks for it', async () => {
  const reader = await harnesses['redis']?.readerOf([measured({ device_id: 'a' })])
  await redis.value.run('spoil', (server) => server.set(redisKeys.deviceSummary('spoilt'), 'x'))
  const [right, wrong] = await Promise.allSettled([
    reader?.devices(['a']),
    reader?.devices(['spoilt']),
  ])
  expect([right.status, wrong.status]).toEqual(['fulfilled', 'rejected'])
})
