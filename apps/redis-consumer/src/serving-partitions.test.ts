import { setImmediate } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { topics } from '@faultline/contracts/topics'
import { FaultlineError } from '@faultline/runtime/errors'
import type { EnrichedMeasurement } from '@faultline/contracts/enriched-measurement'
import { systemClock, type Clock } from '@faultline/runtime/clock'
import type { PartitionHandler } from '@faultline/runtime/kafka'
import { MemoryBroker, startMemoryReader } from '@faultline/runtime/kafka/memory'
import { createLogger } from '@faultline/runtime/logging'
import { Metrics } from '@faultline/runtime/metrics'
import { enrichedMeasurement } from '../../../test/support/enriched-measurements.ts'
import { memoryServingStore } from '../../../test/support/memory-serving-store.ts'
import { createConsumerMetrics } from './consumer-metrics.ts'
import { createRecordReader } from './decode-record.ts'
import { createPersist } from './persist.ts'
import { ServingPartitions } from './serving-partitions.ts'
import type { ServingStore } from './serving-store.ts'

const topic = topics.enrichedMeasurements
const logger = createLogger('test', 'silent')
/** Sleeps for no time, but lets others work. */
const impatient: Clock = { now: () => systemClock.now(), sleep: () => setImmediate() }

/** JSON stands in for Avro; what begins with "late" is a schema that has to be asked for. */
const decoder = {
  now: (value: Buffer) =>
    value.toString().startsWith('late')
      ? undefined
      : { value: JSON.parse(value.toString()) as unknown },
  later: (value: Buffer) => Promise.resolve(JSON.parse(value.toString().slice(4)) as unknown),
}

function setUp(wrap: (store: ServingStore) => ServingStore = (store) => store) {
  const broker = new MemoryBroker()
  const metrics = new Metrics()
  const consumerMetrics = createConsumerMetrics(metrics, topic)
  const memory = memoryServingStore({ halfLifeMs: 3_600_000, windows: { '1h': 3_600_000 } })
  const store = wrap(memory)
  const fatal: unknown[] = []
  const stopping = new AbortController()
  const start = () =>
    startMemoryReader({
      broker,
      group: 'group',
      topic,
      partitions: [0],
      batchMax: 1_000,
      clock: impatient,
      logger,
      onFatal: (error) => fatal.push(error),
      handler: ({ offsets }): PartitionHandler =>
        new ServingPartitions({
          store,
          readRecords: createRecordReader(decoder),
          persist: createPersist({
            clock: impatient,
            logger,
            random: () => 0,
            signal: stopping.signal,
            giveUpAfterMs: 60_000,
          }),
          offsets,
          metrics: consumerMetrics,
          clock: impatient,
          logger,
        }),
    })
  let written = 0
  const write = async (count: number, changes: Partial<EnrichedMeasurement> = {}) => {
    const producer = await broker.transactionalProducers().open('enricher')
    await producer.commit({
      partition: 0,
      records: Array.from({ length: count }, () => ({
        topic,
        key: Buffer.from('AC-0001'),
        value: Buffer.from(
          JSON.stringify(enrichedMeasurement({ event_id: String(written++), ...changes })),
        ),
      })),
      consumed: { group: 'enricher', topic: 'raw', nextOffset: written },
    })
  }
  const events = () => memory.contents().devices.get('AC-0001')?.events_total ?? 0
  const metric = async (name: string) => {
    const found = (await metrics.registry.getSingleMetric(name)?.get())?.values ?? []
    return found.reduce((sum, { value }) => sum + value, 0)
  }
  return { broker, memory, start, write, events, fatal, metric, stopping }
}

describe('partitions of the serving store', () => {
  it('applies every record once, over transaction markers and several script calls', async () => {
    const { start, write, events, fatal, metric } = setUp()
    await write(250)
    await write(3)
    const reader = start()
    await vi.waitUntil(() => events() === 253)
    await write(1)
    await vi.waitUntil(() => events() === 254)
    await reader.stop()
    expect(fatal).toEqual([])
    expect(await metric('faultline_records_total')).toBe(254)
    expect(await metric('faultline_replays_skipped_total')).toBe(0)
  })

  it('continues where the store is, whatever the group says', async () => {
    const { start, write, events, broker } = setUp()
    await write(5)
    const first = start()
    await vi.waitUntil(() => events() === 5)
    await first.stop()
    await broker.groupOffsets('group', topic).commit(0, { offset: 0, metadata: '' })
    await write(2)
    const second = start()
    await vi.waitUntil(() => events() === 7)
    await second.stop()
  })

  it('asks for a schema it does not know', async () => {
    const { broker, start, events } = setUp()
    const value = `late${JSON.stringify(enrichedMeasurement())}`
    broker.append(topic, 0, { key: Buffer.from('AC-0001'), value: Buffer.from(value) })
    const reader = start()
    await vi.waitUntil(() => events() === 1)
    await reader.stop()
  })

  it('tries again while the store is away, also where the reply was lost', async () => {
    let call = 0
    const { start, write, events, fatal, metric } = setUp((store) => ({
      takeOver: (partition) => store.takeOver(partition),
      apply: async (range) => {
        const away = new FaultlineError('SERVING_STORE_UNAVAILABLE', 'away')
        call += 1
        if (call % 3 === 1) throw away
        const applied = await store.apply(range)
        if (call % 3 === 2) throw away
        return applied
      },
    }))
    await write(250)
    const reader = start()
    await vi.waitUntil(() => events() === 250)
    await vi.waitUntil(async () => (await metric('faultline_replays_skipped_total')) === 250)
    await reader.stop()
    expect(fatal).toEqual([])
  })

  it('goes back when the store lost what it had', async () => {
    let lost = false
    const fresh = memoryServingStore({ halfLifeMs: 3_600_000, windows: {} })
    const { start, write, events, fatal } = setUp((store) => ({
      takeOver: (partition) => (lost ? fresh : store).takeOver(partition),
      apply: (range) => (lost ? fresh : store).apply(range),
    }))
    await write(5)
    const reader = start()
    await vi.waitUntil(() => events() === 5)
    lost = true
    await write(5)
    await vi.waitUntil(() => fresh.contents().devices.get('AC-0001')?.events_total === 10)
    await reader.stop()
    expect(fatal).toEqual([])
  })

  it('stops for good when another process took the partition over', async () => {
    const { memory, start, write, events, fatal, metric } = setUp()
    await write(1)
    const reader = start()
    await vi.waitUntil(() => events() === 1)
    await memory.takeOver(0)
    await write(1)
    await vi.waitUntil(() => fatal.length > 0)
    await reader.stop()
    expect(fatal).toMatchObject([{ code: 'SERVING_STORE_FENCED' }])
    expect(events()).toBe(1)
    expect(await metric('faultline_fenced_total')).toBe(1)
  })

  it('can be stopped while the store is away', async () => {
    const { start, write, fatal, stopping } = setUp((store) => ({
      takeOver: (partition) => store.takeOver(partition),
      apply: () => Promise.reject(new FaultlineError('SERVING_STORE_UNAVAILABLE', 'away')),
    }))
    await write(1)
    const reader = start()
    await vi.waitUntil(() => reader.value.owned().length === 1)
    const stopped = reader.stop()
    stopping.abort()
    await stopped
    expect(fatal).toEqual([])
  })

  it.each([
    ['bytes that are no record', 'nonsense'],
    ['a score outside [0, 1]', JSON.stringify(enrichedMeasurement({ fault_score: 1.5 }))],
    ['the reserved type', JSON.stringify(enrichedMeasurement({ type: 'all' }))],
  ])('stops at %s and names the position', async (_what, value) => {
    const { broker, start, fatal, write, events } = setUp()
    await write(1)
    const offset = broker.append(topic, 0, { key: Buffer.from('x'), value: Buffer.from(value) })
    const reader = start()
    await vi.waitUntil(() => fatal.length > 0)
    await reader.stop()
    expect(fatal).toMatchObject([{ code: 'RECORD_UNDECODABLE' }])
    expect(String(fatal[0])).toContain(`${topic}/0 offset ${offset}`)
    expect(events()).toBe(0)
  })
})
