import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '@faultline/runtime/clock'
import { MemoryBroker, startMemoryReader } from '@faultline/runtime/kafka/memory'
import { createLogger } from '@faultline/runtime/logging'
import { SinkHandler } from '../../../apps/clickhouse-sink/src/partition/sink-handler.ts'
import { runRollUps } from '../../../apps/clickhouse-sink/src/roll-up-loop.ts'
import {
  rollUpLevels,
  type StoredMeasurement,
} from '../../../apps/clickhouse-sink/src/warehouse/warehouse-writer.ts'
import { ClickhouseProcess } from '../../support/clickhouse-process.ts'
import {
  expectSameRollUp,
  openClickhouse,
  readRollUp,
  type ClickhouseWarehouse,
} from '../../support/clickhouse-warehouse.ts'
import { enrichedMeasurement } from '../../support/enriched-measurements.ts'
import { eventually } from '../../support/eventually.ts'

const topic = 'enriched'
const partitions = [0, 1]
const logger = createLogger('test', 'silent')
const ingestedAt = Math.floor(Date.now() / 1_000)

let server: ClickhouseProcess
let warehouse: ClickhouseWarehouse
beforeEach(async () => {
  server = await ClickhouseProcess.start()
  warehouse = openClickhouse(server.url, 10_000)
  await warehouse.writer.ensure()
})
afterEach(async () => {
  await warehouse.close()
  await server.remove()
})

/** A topic with devices, late rows, NaN, corrections and removals; the values of its records are their row's index. */
function fill(broker: MemoryBroker, count: number): readonly StoredMeasurement[] {
  const rows: StoredMeasurement[] = []
  for (let i = 0; i < count; i += 1) {
    const partition = i % partitions.length
    if (i % 50 === 49) {
      broker.append(topic, partition, { key: Buffer.from('gone'), value: null })
      continue
    }
    const offset = broker.append(topic, partition, {
      key: Buffer.from('device'),
      value: Buffer.from(String(rows.length)),
    })
    const isCorrection = i % 31 === 30
    const late = i % 17 === 0 ? 3_600_000 * 30 : 0
    rows.push({
      offset,
      measurement: enrichedMeasurement({
        event_id: String(isCorrection ? i - 10 : i),
        device_id: `device-${partition}-${i % 5}`,
        measured_at: Date.UTC(2016, 0, 2) + i * 9_000 - late,
        readings: [i % 13, i % 7 === 0 ? Number.NaN : i / 8, -i],
        revision: isCorrection ? 2 : 1,
      }),
    })
  }
  return rows
}

/** One life of the sink: reading, storing and rolling up until `signal` aborts. It leaves without a farewell. */
function live(broker: MemoryBroker, rows: readonly StoredMeasurement[], signal: AbortSignal) {
  const life: { handler?: SinkHandler; failure?: unknown } = {}
  const decode = (value: Buffer): unknown => rows[Number(value.toString())]?.measurement
  const reader = startMemoryReader({
    broker,
    group: 'sink',
    topic,
    partitions,
    batchMax: 37,
    clock: systemClock,
    logger,
    onFatal: (error) => {
      life.failure = error
    },
    handler: ({ offsets }) =>
      (life.handler = new SinkHandler({
        topic,
        offsets,
        writer: warehouse.writer,
        decoder: {
          decodeKnown: (value) => ({ value: decode(value) }),
          decode: (value) => Promise.resolve(decode(value)),
        },
        limits: { rowsMax: 60, waitMaxMs: 20, refusedConsecutiveMax: 1 },
        observer: {
          onStored: () => undefined,
          onProgress: () => undefined,
          onRedo: () => undefined,
          onWarehouse: () => undefined,
        },
        clock: systemClock,
        logger,
        random: Math.random,
        stopping: signal,
      })),
  })
  const rollUps = runRollUps(
    {
      topic,
      writer: warehouse.writer,
      confirmed: () =>
        new Map(
          partitions.flatMap((partition) => {
            const end = life.handler?.confirmed(partition) ?? null
            return end === null ? [] : [[partition, end] as const]
          }),
        ),
      onProgress: () => undefined,
      everyMs: 20,
      clock: systemClock,
      logger,
    },
    signal,
  )
  return {
    life,
    async flush() {
      for (const partition of life.handler?.due() ?? []) {
        await reader.value.between(partition, async () => {
          await life.handler?.flush(partition)
        })
      }
    },
    async end() {
      await Promise.all([reader.stop(), rollUps])
    },
  }
}

async function storedRows(): Promise<number> {
  const [row] = await warehouse.client.rows<{ n: number }>('a count', {
    sql: 'SELECT toUInt32(count()) AS n FROM app.enriched_measurements',
  })
  return row?.n ?? 0
}

describe('the sink, with processes killed under it', () => {
  it('stores and rolls up every record once', async () => {
    const broker = new MemoryBroker()
    const rows = fill(broker, 3_000)
    const begin = () => {
      const stop = new AbortController()
      return { stop, ...live(broker, rows, stop.signal) }
    }
    let current = begin()
    const left: (() => Promise<void>)[] = []
    // Each round ends a process at a moment of its own: the server mid-work, or the sink, whose requests then still arrive.
    for (let round = 0; round < 8; round += 1) {
      await delay(30 + ((round * 37) % 110))
      if (round % 2 === 0) {
        await server.kill()
        await server.startAgain()
      } else {
        const former = current
        former.stop.abort()
        left.push(() => former.end())
        current = begin()
      }
      expect(current.life.failure).toBeUndefined()
    }
    await eventually(
      async () => {
        await current.flush()
        if (current.life.failure !== undefined)
          throw new Error('failed', { cause: current.life.failure })
        expect(await storedRows()).toBe(rows.length)
        for (const partition of partitions) {
          const end = broker.read(topic, partition, 0).end
          for (const level of rollUpLevels) {
            const next = await warehouse.writer.rolledUpTo({ topic, partition }, level)
            expect(next, `${level} of ${partition}`).toBeGreaterThan(end - 60)
          }
        }
      },
      { limitMs: 90_000, everyMs: 100 },
    )
    current.stop.abort()
    left.push(() => current.end())
    for (const end of left) await end()
    for (const partition of partitions) {
      const { end } = broker.read(topic, partition, 0)
      for (const level of rollUpLevels)
        await warehouse.writer.rollUp({ topic, partition }, level, end)
    }
    const distinct = await warehouse.client.rows<{ n: number }>('a count', {
      sql: 'SELECT toUInt32(uniqExact(topic_partition, topic_offset)) AS n FROM app.enriched_measurements',
    })
    expect(distinct).toEqual([{ n: rows.length }])
    expect(await storedRows()).toBe(rows.length)
    for (const level of rollUpLevels) {
      expectSameRollUp(await readRollUp(warehouse.client, level, 'device-'), rows, level)
    }
  })

  it('keeps every acknowledged row when the server is killed', async () => {
    const rows = Array.from({ length: 500 }, (_, offset) => ({
      offset,
      measurement: enrichedMeasurement({ event_id: String(offset), readings: [offset] }),
    }))
    let acknowledged = 0
    const writing = (async () => {
      for (let start = 0; start < 500; start += 10) {
        const range = { topic, partition: 0, start, end: start + 10, ingestedAt }
        await warehouse.writer.insertRange(range, rows.slice(start, start + 10), false)
        acknowledged = start + 10
      }
    })()
    // Waited for from the start: it fails while the server is being killed.
    const refusal = expect(writing).rejects.toThrow('WAREHOUSE_UNAVAILABLE')
    await eventually(() => {
      expect(acknowledged).toBeGreaterThan(50)
    })
    await server.kill()
    await refusal
    await server.startAgain()
    const stored = await storedRows()
    expect(stored).toBeGreaterThanOrEqual(acknowledged)
    expect(stored).toBeLessThanOrEqual(acknowledged + 10)
  })

  it('goes on under another name when the server knows a token but lost the part', async () => {
    const rows = Array.from({ length: 5 }, (_, offset) => ({
      offset,
      measurement: enrichedMeasurement({ event_id: String(offset), readings: [offset] }),
    }))
    const range = { topic, partition: 0, start: 0, end: 5, ingestedAt }
    await warehouse.writer.insertRange(range, rows, false)
    await warehouse.writer.rollUp({ topic, partition: 0 }, '1min', 5)
    // Rows go, tokens stay: what a server is left with that was killed between writing down the two.
    for (const table of ['enriched_measurements', 'measurements_1min']) {
      await warehouse.client.run('a loss', {
        sql: `ALTER TABLE app.${table} DELETE WHERE 1 SETTINGS mutations_sync = 1`,
      })
    }
    expect(await storedRows()).toBe(0)
    await warehouse.writer.insertRange(range, rows, true)
    expect(await storedRows()).toBe(5)
    await warehouse.writer.rollUp({ topic, partition: 0 }, '1min', 5)
    expectSameRollUp(await readRollUp(warehouse.client, '1min', 'AC-'), rows, '1min')
  })
})
