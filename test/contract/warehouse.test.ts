import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { EnrichedMeasurement } from '@faultline/contracts/enriched-measurement'
import { MemoryWarehouse } from '../../apps/clickhouse-sink/src/warehouse/testing.ts'
import {
  rollUpLevels,
  type RollUpLevel,
  type StoredMeasurement,
  type WarehouseWriter,
} from '../../apps/clickhouse-sink/src/warehouse/warehouse-writer.ts'
import {
  expectSameRollUp,
  openClickhouse,
  readRollUp,
  type ClickhouseWarehouse,
} from '../support/clickhouse-warehouse.ts'
import { connection } from '../support/connection.ts'
import { enrichedMeasurement } from '../support/enriched-measurements.ts'
import { levelWidthMs, recountRollUp, type ChannelMetrics } from '../support/roll-up-recount.ts'

interface Opened {
  readonly writer: WarehouseWriter
  /** Offsets stored of a topic, each as often as it is stored. */
  offsets(topic: string): Promise<readonly number[]>
  rollUp(topic: string, level: RollUpLevel): Promise<ReadonlyMap<string, ChannelMetrics>>
  refusedOffsets(topic: string): Promise<readonly number[]>
  channels(model: string): Promise<readonly string[]>
  liveEvents(deviceId: string): Promise<readonly number[]>
}

let clickhouse: ClickhouseWarehouse
beforeAll(() => {
  clickhouse = openClickhouse(connection().clickhouseUrl)
})
afterAll(() => clickhouse.close())

function openMemory(): Opened {
  const writer = new MemoryWarehouse()
  return {
    writer,
    offsets: (topic) => Promise.resolve(writer.rows(topic).map(({ offset }) => offset)),
    rollUp: (topic, level) =>
      Promise.resolve(recountRollUp(writer.takenIn(topic, level), levelWidthMs[level])),
    refusedOffsets: () => Promise.resolve(writer.refused().map(({ offset }) => offset)),
    channels: (model) =>
      Promise.resolve(writer.models().find((row) => row.model === model)?.channels ?? []),
    liveEvents: (deviceId) =>
      Promise.resolve(
        writer
          .events()
          .filter((row) => row.device_id === deviceId && row.is_deleted === 0)
          .map(({ id }) => id),
      ),
  }
}

function openReal(): Opened {
  const { client, writer } = clickhouse
  const numbers = async (sql: string, value: string) => {
    const rows = await client.rows<{ n: number }>('a check', { sql, parameters: { value } })
    return rows.map(({ n }) => n)
  }
  return {
    writer,
    offsets: (topic) =>
      numbers(
        'SELECT topic_offset AS n FROM app.enriched_measurements WHERE topic = {value:String} ORDER BY n',
        topic,
      ),
    rollUp: (topic, level) => readRollUp(client, level, topic),
    refusedOffsets: (topic) =>
      numbers(
        'SELECT topic_offset AS n FROM app.refused_records FINAL WHERE topic = {value:String} ORDER BY n',
        topic,
      ),
    channels: async (model) => {
      const rows = await client.rows<{ name: string }>('a check', {
        sql: 'SELECT name FROM app.channels WHERE model = {model:String} ORDER BY channel',
        parameters: { model },
      })
      return rows.map(({ name }) => name)
    },
    liveEvents: (deviceId) =>
      numbers(
        'SELECT id AS n FROM app.device_events FINAL WHERE device_id = {value:String} AND is_deleted = 0',
        deviceId,
      ),
  }
}

const hour = 3_600_000
/** Long ago: what is loaded late must not vanish by its age. */
const t0 = Date.UTC(2015, 2, 1, 10)
const ingestedAt = Math.floor(Date.now() / 1_000)

describe.each([
  ['memory', openMemory],
  ['clickhouse', openReal],
] as const)('warehouse: %s', (_name, open) => {
  let opened: Opened
  let writer: WarehouseWriter
  /** Of this test alone; its devices' ids begin with it too. */
  let topic: string

  beforeEach(async () => {
    opened = open()
    writer = opened.writer
    topic = `test-${randomUUID()}`
    await writer.ensure()
  })

  const row = (offset: number, changes: Partial<EnrichedMeasurement> = {}): StoredMeasurement => ({
    offset,
    measurement: enrichedMeasurement({
      event_id: String(1_000 + offset),
      device_id: `${topic}/A`,
      measured_at: t0 + offset * 20_000,
      readings: [offset, -0.5, 20 + (offset % 7) / 8],
      ...changes,
    }),
  })
  const rows = (start: number, end: number): readonly StoredMeasurement[] =>
    Array.from({ length: end - start }, (_, i) => row(start + i))
  const range = (start: number, end: number, partition = 0) => ({
    topic,
    partition,
    start,
    end,
    ingestedAt,
  })
  const rollUpAll = async (partition: number, end: number) => {
    for (const level of rollUpLevels) {
      let next = 0
      while (next < end) next = await writer.rollUp({ topic, partition }, level, end)
    }
  }
  const expectRollUps = async (all: readonly StoredMeasurement[]) => {
    for (const level of rollUpLevels)
      expectSameRollUp(await opened.rollUp(topic, level), all, level)
  }

  it('is empty at first', async () => {
    expect(await writer.storedNext({ topic, partition: 0 }, 0)).toBeNull()
    expect(await writer.rolledUpTo({ topic, partition: 0 }, '1min')).toBe(0)
    await writer.ensure()
  })

  it('stores a range once, however often it is told to', async () => {
    await writer.insertRange(range(0, 5), rows(0, 5), false)
    await writer.insertRange(range(0, 5), rows(0, 5), true)
    await writer.insertRange(range(0, 5), rows(0, 5), false)
    await writer.insertRange(range(5, 9), rows(5, 9), true)
    expect(await opened.offsets(topic)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
    expect(await writer.storedNext({ topic, partition: 0 }, 0)).toBe(9)
    expect(await writer.storedNext({ topic, partition: 0 }, 9)).not.toBe(0)
  })

  it('stores a range once that several write at the same time', async () => {
    const same = Array.from({ length: 4 }, (_, i) =>
      writer.insertRange(range(0, 50), rows(0, 50), i % 2 === 0),
    )
    await Promise.all(same)
    expect(await opened.offsets(topic)).toHaveLength(50)
  })

  it('keeps partitions apart', async () => {
    await writer.insertRange(range(0, 3, 0), rows(0, 3), false)
    await writer.insertRange(range(0, 3, 1), rows(0, 3), false)
    expect(await opened.offsets(topic)).toHaveLength(6)
    expect(await writer.storedNext({ topic, partition: 1 }, 0)).toBe(3)
    expect(await writer.storedNext({ topic, partition: 2 }, 0)).toBeNull()
  })

  it('refuses to believe in a range that holds other rows', async () => {
    await writer.insertRange(range(0, 3), rows(0, 3), false)
    await expect(writer.insertRange(range(0, 4), rows(0, 4), true)).rejects.toThrow('STATE_CORRUPT')
  })

  it('rolls up what is stored, once, however often and at whatever pace', async () => {
    const all = rows(0, 400)
    await writer.insertRange(range(0, 250), all.slice(0, 250), false)
    await rollUpAll(0, 100)
    await rollUpAll(0, 250)
    await rollUpAll(0, 250)
    await writer.insertRange(range(250, 400), all.slice(250), false)
    await Promise.all([rollUpAll(0, 300), rollUpAll(0, 400), rollUpAll(0, 400)])
    await rollUpAll(0, 400)
    await expectRollUps(all)
    expect(await writer.rolledUpTo({ topic, partition: 0 }, '1hour')).toBe(400)
  })

  it('puts late rows into their bucket, and leaves out NaN, infinity and corrections', async () => {
    const first = [
      row(0, { readings: [1, Number.NaN, 3] }),
      row(1, { readings: [2, Number.POSITIVE_INFINITY] }),
      row(2, { measured_at: t0 + 5 * hour, readings: [Number.NaN] }),
    ]
    const later = [
      row(3, { event_id: '1000', measured_at: t0, revision: 2, readings: [1, 2, 3] }),
      row(4, { measured_at: t0 - 40 * 24 * hour, readings: [7, 8, 9] }),
      row(5, { measured_at: t0 + 1, readings: [4, 4, 4] }),
    ]
    await writer.insertRange(range(0, 3), first, false)
    await rollUpAll(0, 3)
    await writer.insertRange(range(3, 6), later, false)
    await rollUpAll(0, 6)
    await expectRollUps([...first, ...later])
  })

  it('passes over a stretch of corrections', async () => {
    const corrections = rows(0, 5).map(({ offset }) => row(offset, { revision: 2 }))
    await writer.insertRange(range(0, 5), corrections, false)
    expect(await writer.rollUp({ topic, partition: 0 }, '1min', 5)).toBe(5)
    await writer.insertRange(range(5, 7), rows(5, 7), false)
    await rollUpAll(0, 7)
    await expectRollUps(rows(5, 7))
  })

  it('rolls up partitions side by side', async () => {
    const other = rows(0, 30).map(({ offset }) => row(offset, { device_id: `${topic}/B` }))
    await writer.insertRange(range(0, 30, 0), rows(0, 30), false)
    await writer.insertRange(range(0, 30, 3), other, false)
    await Promise.all([rollUpAll(0, 30), rollUpAll(3, 30)])
    await expectRollUps([...rows(0, 30), ...other])
  })

  it('keeps refused records once', async () => {
    const refused = {
      topic,
      partition: 0,
      offset: 4,
      reason: 'RECORD_UNDECODABLE',
      message: 'garbage',
      key: null,
      value: Buffer.from([0, 1, 255]),
    }
    await writer.keepRefused([refused])
    await writer.keepRefused([refused])
    expect(await opened.refusedOffsets(topic)).toEqual([4])
  })

  it('keeps the newest row of a model and of an event', async () => {
    const model = { model: topic, type: 'air', units: ['K'] }
    await writer.keepModels([{ ...model, channels: ['a', 'b'], lsn: 20 }])
    await writer.keepModels([{ ...model, channels: ['a'], lsn: 10 }])
    expect(await opened.channels(topic)).toEqual(['a', 'b'])
    const id = Math.floor(Math.random() * 1e12)
    const event = {
      device_id: topic,
      occurred_at: t0 + 235,
      kind: 'failure',
      code: null,
      detail: null,
    }
    await writer.keepEvents([
      { ...event, id, lsn: 1, is_deleted: 0 },
      { ...event, id: id + 1, lsn: 1, is_deleted: 0 },
    ])
    await writer.keepEvents([{ ...event, id, lsn: 2, is_deleted: 1 }])
    expect(await opened.liveEvents(topic)).toEqual([id + 1])
    // Truncated at 3: what comes after it stays, what comes late from before it does not come back.
    await writer.keepEvents([{ ...event, id: id + 2, lsn: 4, is_deleted: 0 }])
    await writer.removeEvents(3)
    await writer.keepEvents([{ ...event, id: id + 1, lsn: 1, is_deleted: 0 }])
    expect(await opened.liveEvents(topic)).toEqual([id + 2])
  })
})

describe('app.enriched_measurements', () => {
  it('gives back every field as it was', async () => {
    const topic = `test-${randomUUID()}`
    const measurement = enrichedMeasurement({
      event_id: '9007199254740993',
      device_id: `${topic}/Zürich`,
      name: null,
      line: "it's",
      location: 'Gleis 3\n\n;',
      measured_at: t0 + 123,
      car_number: -7,
      readings: [1.5, Number.NaN, 3e38],
      fault_score: 0.123456789,
      alert_level: 'critical',
      alarm_level: 'HIGH',
      fault_reasons: ['HIGH_TEMP', 'LOW_TEMP'],
      fault_probability: 0.75,
      explanation: [
        { source: 'rule', code: 'HIGH_TEMP', channel: 't', value: 40, limit: 35, contribution: 1 },
      ],
      features: { max_z: 2.5, events: 3 },
      catalog_lsn: 2 ** 40,
      threshold_version: 'v1',
      revision: 3,
      source: { partition: 2, offset: 77, lsn: 2 ** 41, transaction: '900:2' },
    })
    const { writer, client } = clickhouse
    await writer.ensure()
    await writer.insertRange(
      { topic, partition: 0, start: 5, end: 6, ingestedAt },
      [{ offset: 5, measurement }],
      false,
    )
    const [stored] = await client.rows<Record<string, unknown>>('a check', {
      sql: `SELECT * REPLACE (toString(event_id) AS event_id, toUnixTimestamp64Milli(measured_at) AS measured_at,
        toUnixTimestamp(ingested_at) AS ingested_at, toUnixTimestamp64Milli(committed_at) AS committed_at,
        toUnixTimestamp64Milli(enriched_at) AS enriched_at, arrayMap(x -> toString(x), readings) AS readings)
        FROM app.enriched_measurements WHERE topic = {topic:String}`,
      parameters: { topic },
    })
    const { source, explanation, ...same } = measurement
    expect(stored).toMatchObject({
      ...same,
      readings: ['1.5', 'nan', '3e38'],
      source_partition: source.partition,
      source_offset: source.offset,
      source_lsn: source.lsn,
      source_transaction: source.transaction,
      'explanation.source': explanation.map((entry) => entry.source),
      'explanation.code': explanation.map((entry) => entry.code),
      'explanation.channel': explanation.map((entry) => entry.channel),
      'explanation.value': explanation.map((entry) => entry.value),
      'explanation.limit': explanation.map((entry) => entry.limit),
      'explanation.contribution': explanation.map((entry) => entry.contribution),
      topic,
      topic_partition: 0,
      topic_offset: 5,
      ingested_at: ingestedAt,
    })
  })

  it('shows the latest revision of an event', async () => {
    const topic = `test-${randomUUID()}`
    const { writer, client } = clickhouse
    const row = (offset: number, event_id: string, revision: number): StoredMeasurement => ({
      offset,
      measurement: enrichedMeasurement({ event_id, device_id: topic, revision, measured_at: t0 }),
    })
    const base = Math.floor(Math.random() * 1e12)
    const [a, b] = [String(base), String(base + 1)]
    const rows = [row(0, a, 1), row(1, b, 1), row(2, a, 2), row(3, a, 3)]
    await writer.insertRange({ topic, partition: 0, start: 0, end: 4, ingestedAt }, rows, false)
    const latest = await client.rows('a check', {
      sql: `SELECT toString(event_id) AS event_id, revision FROM app.latest_measurements
        WHERE device_id = {topic:String} ORDER BY event_id`,
      parameters: { topic },
    })
    expect(latest).toEqual([
      { event_id: a, revision: 3 },
      { event_id: b, revision: 1 },
    ])
  })

  it('makes one part of one INSERT, which is what all of this rests on', async () => {
    const topic = `test-${randomUUID()}`
    const { writer, client } = clickhouse
    const rows = Array.from({ length: 3_000 }, (_, offset) => ({
      offset,
      measurement: enrichedMeasurement({
        event_id: String(offset),
        device_id: `${topic}/${offset % 40}`,
        // Years apart, so that nothing but one time of ingestion keeps them together.
        measured_at: t0 + offset * 20 * hour,
        readings: Array.from({ length: 100 }, (_value, i) => i),
      }),
    }))
    await writer.insertRange({ topic, partition: 9, start: 0, end: 3_000, ingestedAt }, rows, false)
    for (const level of rollUpLevels) await writer.rollUp({ topic, partition: 9 }, level, 3_000)
    const tables = [
      'enriched_measurements',
      ...rollUpLevels.map((level) => `measurements_${level}`),
    ]
    for (const table of tables) {
      const isOurs =
        table === 'enriched_measurements'
          ? 'topic = {topic:String}'
          : '(startsWith(device_id, {topic:String}) OR startsWith(progress_of, {topic:String}))'
      const [parts] = await client.rows<{ parts: number }>('a check', {
        sql: `SELECT toUInt32(uniqExact(_part)) AS parts FROM app.${table} WHERE ${isOurs}`,
        parameters: { topic },
      })
      expect(parts, table).toEqual({ parts: 1 })
    }
  })
})
