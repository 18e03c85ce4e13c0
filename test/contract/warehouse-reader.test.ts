import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EnrichedMeasurement } from '@faultline/contracts/enriched-measurement'
import { migrateClickhouse, startClickhouse } from '@faultline/runtime/clickhouse'
import { createClickhouseWarehouseReader } from '../../apps/api/src/adapters/clickhouse-warehouse-reader.ts'
import type { Granularity, WarehouseReader } from '../../apps/api/src/ports/warehouse-reader.ts'
import {
  createMemoryWarehouseReader,
  emptyWarehouseContents,
} from '../../apps/api/src/testing/memory-warehouse-reader.ts'
import { clickhouseWriter } from '../../apps/clickhouse-sink/src/warehouse/clickhouse-writer.ts'
import { rollUpLevels } from '../../apps/clickhouse-sink/src/warehouse/warehouse-writer.ts'
import { connection } from '../support/connection.ts'
import { enrichedMeasurement } from '../support/enriched-measurements.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
const t0 = Date.UTC(2026, 10, 20)
const channels = [
  { name: 'supply', unit: 'degC' },
  { name: 'return', unit: 'degC' },
]
// Names of this run alone: the tests of the server share its tables.
const run = String(Date.now())
const model = `model-${run}`
const deviceId = `device-${run}`
const explanation = [
  { source: 'rule', code: 'HIGH', channel: 'supply', value: 30, limit: 25, contribution: 0.25 },
] as const

/** Two hours of a reading every 20 s; the second channel is missing now and then; then one of the next day. */
const measurements: readonly EnrichedMeasurement[] = [
  ...Array.from({ length: 360 }, (_, index) => measurement(index, t0 + index * 20_000)),
  measurement(360, t0 + day),
]

function measurement(index: number, measured_at: number): EnrichedMeasurement {
  const isFault = index % 100 === 50
  return enrichedMeasurement({
    event_id: String(900 + index),
    device_id: deviceId,
    model,
    measured_at,
    // What is kept is counted from here, so this has to be now.
    enriched_at: Number(run),
    readings: [isFault ? 30 : 20 + (index % 3), index % 4 === 0 ? Number.NaN : index],
    ...(isFault
      ? { fault_score: 0.25, alert_level: 'warning', fault_reasons: ['HIGH'], explanation }
      : {}),
  })
}

const correctedAt = t0 + 50 * 20_000
const correction = { ...measurement(50, correctedAt), revision: 2, fault_score: 0.5 }

const server = startClickhouse({
  url: connection().clickhouseUrl,
  clientName: 'warehouse-reader-tests',
  requestTimeoutMs: 30_000,
})
afterAll(() => server.stop())

const harnesses: Record<string, () => Promise<WarehouseReader>> = {
  memory: () => {
    const contents = emptyWarehouseContents()
    for (const [position, { name }] of channels.entries()) {
      const readings = measurements
        .map(({ measured_at, readings }) => ({
          timestampMs: measured_at,
          value: readings[position] ?? Number.NaN,
        }))
        .filter(({ value }) => Number.isFinite(value))
      contents.readings.set(`${deviceId}/${name}`, readings)
    }
    contents.channels.set(deviceId, channels)
    const latest = measurements.map((m) => (m.event_id === correction.event_id ? correction : m))
    contents.events.set(
      deviceId,
      latest.map((m) => ({
        eventId: m.event_id,
        measuredAtMs: m.measured_at,
        alertLevel: m.alert_level,
        faultScore: m.fault_score,
        faultReasons: m.fault_reasons,
        explanation: m.explanation,
        revision: m.revision,
      })),
    )
    contents.progress = [{ partition: 0, offset: measurements.length, measuredAt: correctedAt }]
    contents.rolledUp = [{ partition: 0, offset: measurements.length, measuredAt: null }]
    return Promise.resolve(createMemoryWarehouseReader(contents))
  },
  clickhouse: async () => {
    const clickhouseUrl = connection().clickhouseUrl
    const migrate = () => migrateClickhouse({ clickhouseUrl })
    const writer = clickhouseWriter({ client: server.value, migrate })
    await writer.ensure()
    await writer.keepModels([
      {
        model,
        type: 'hvac',
        channels: channels.map(({ name }) => name),
        units: channels.map(({ unit }) => unit),
        lsn: 1,
      },
    ])
    const source = { topic: `topic-${run}`, partition: 0 }
    const rows = [...measurements, correction].map((m, offset) => ({ offset, measurement: m }))
    const end = rows.length
    const ingestedAt = Math.floor(Date.now() / 1_000)
    await writer.insertRange({ ...source, start: 0, end, ingestedAt }, rows, false)
    for (const level of rollUpLevels) {
      let next = 0
      while (next < end) next = await writer.rollUp(source, level, end)
    }
    return createClickhouseWarehouseReader({ clickhouse: server.value, topic: source.topic })
  },
}

describe.each(Object.entries(harnesses))('warehouse reader: %s', (_name, open) => {
  let reader: WarehouseReader
  beforeAll(async () => {
    reader = await open()
  })
  const ask = async (granularity: Granularity, over: { channel?: string; limit?: number } = {}) => {
    const { value } = await reader.metric({
      deviceId,
      channel: 'supply',
      startMs: t0,
      endMs: t0 + day,
      granularity,
      limit: 1_000,
      ...over,
    })
    return value
  }

  it('gives readings in order, without those that are missing', async () => {
    const points = await ask('raw')
    expect(points).toHaveLength(360)
    expect(points[50]).toEqual({
      timestampMs: t0 + 50 * 20_000,
      value: 30,
      count: 1,
      min: 30,
      max: 30,
      stddev: 0,
      median: null,
      p95: null,
    })
    const times = points.map(({ timestampMs }) => timestampMs)
    expect(times).toEqual(times.toSorted((one, other) => one - other))
    expect(await ask('raw', { channel: 'return' })).toHaveLength(270)
  })

  it('gives the newest where there are more than the limit', async () => {
    const points = await ask('raw', { limit: 2 })
    expect(points.map(({ timestampMs }) => timestampMs)).toEqual([
      t0 + 358 * 20_000,
      t0 + 359 * 20_000,
    ])
  })

  it.each([
    ['1min', 120],
    ['1hour', 2],
    ['1day', 1],
  ] as const)('gives the statistics of %s', async (granularity, buckets) => {
    const points = await ask(granularity)
    expect(points).toHaveLength(buckets)
    const [first] = points
    const size = 360 / buckets
    const values = measurements.slice(0, size).map(({ readings }) => readings[0] ?? 0)
    const mean = values.reduce((sum, value) => sum + value, 0) / size
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / size
    expect(first).toMatchObject({
      timestampMs: t0,
      count: size,
      min: Math.min(...values),
      max: Math.max(...values),
      median: 21,
    })
    expect(first?.value).toBeCloseTo(mean, 6)
    expect(first?.stddev).toBeCloseTo(Math.sqrt(variance), 6)
    expect(first?.p95).toBeCloseTo(granularity === '1min' ? 21.9 : 22, 6)
  })

  it('knows nothing of other channels, devices and times', async () => {
    expect(await ask('raw', { channel: "nothing' OR 1=1 --" })).toEqual([])
    expect(await ask('1min', { channel: 'nothing' })).toEqual([])
    const elsewhere = { deviceId: 'nobody', channel: 'supply', limit: 10 } as const
    const range = { startMs: 0, endMs: t0, granularity: '1hour' } as const
    expect((await reader.metric({ ...elsewhere, ...range })).value).toEqual([])
    expect((await reader.channels('nobody')).value).toEqual([])
  })

  it('sets each minute against up to 60 before it', async () => {
    const startMs = t0 + hour
    const question = { deviceId, channel: 'supply', startMs, endMs: t0 + day, limit: 1_000 }
    const { value: points } = await reader.baseline(question)
    expect(points).toHaveLength(60)
    expect(points[0]).toMatchObject({ timestampMs: startMs, baselineCount: 60 })
    const before = (await ask('1min')).slice(0, 60).map(({ value }) => value)
    const mean = before.reduce((sum, value) => sum + value, 0) / 60
    const variance = before.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 60
    expect(points[0]?.mean).toBeCloseTo(mean, 6)
    expect(points[0]?.stddev).toBeCloseTo(Math.sqrt(variance), 6)
    const oldest = await reader.baseline({ ...question, startMs: t0, endMs: t0 + minute })
    expect(oldest.value[0]).toMatchObject({ mean: null, stddev: null, baselineCount: 0 })
  })

  it('gives events the newest first, each in its latest revision', async () => {
    const question = { deviceId, before: null, abnormalOnly: false, limit: 2 }
    const { value: newest } = await reader.events(question)
    expect(newest.map(({ eventId }) => eventId)).toEqual(['1260', '1259'])
    const { value: faults } = await reader.events({ ...question, abnormalOnly: true, limit: 10 })
    expect(faults.map(({ eventId }) => eventId)).toEqual(['1250', '1150', '1050', '950'])
    expect(faults[3]).toEqual({
      eventId: '950',
      measuredAtMs: t0 + 50 * 20_000,
      alertLevel: 'warning',
      faultScore: 0.5,
      faultReasons: ['HIGH'],
      explanation,
      revision: 2,
    })
    const [, second] = faults
    const before = second === undefined ? null : { ...second, eventId: second.eventId }
    const { value: older } = await reader.events({
      ...question,
      abnormalOnly: true,
      before,
      limit: 10,
    })
    expect(older.map(({ eventId }) => eventId)).toEqual(['1050', '950'])
    const atMs = { measuredAtMs: t0 + 50 * 20_000, eventId: '' }
    const { value: beforeTime } = await reader.events({ ...question, before: atMs, limit: 1 })
    expect(beforeTime.map(({ eventId }) => eventId)).toEqual(['949'])
  })

  it('tells with every reading how far it was, the roll-ups for themselves', async () => {
    const stored = [{ partition: 0, offset: measurements.length, measuredAt: correctedAt }]
    const rolledUp = [{ partition: 0, offset: measurements.length, measuredAt: null }]
    const range = { deviceId, channel: 'supply', startMs: t0, endMs: t0 + day, limit: 1 }
    // Twice: the second time the reader knows where to look.
    for (const round of [1, 2]) {
      const events = { deviceId, before: null, abnormalOnly: false, limit: 1 }
      expect((await reader.events(events)).progress, `round ${round}`).toEqual(stored)
    }
    expect((await reader.channels(deviceId)).progress).toEqual(stored)
    expect((await reader.metric({ ...range, granularity: 'raw' })).progress).toEqual(stored)
    expect((await reader.baseline(range)).progress).toEqual(rolledUp)
    for (const granularity of rollUpLevels) {
      expect((await reader.metric({ ...range, granularity })).progress).toEqual(rolledUp)
    }
  })

  it('names the channels of the model', async () => {
    expect((await reader.channels(deviceId)).value).toEqual(channels)
    await reader.ping()
  })
})
