import { setImmediate } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { topics } from '@faultline/contracts/topics'
import { FaultlineError } from '@faultline/runtime/errors'
import type { AlertLevel, EnrichedMeasurement } from '@faultline/contracts/enriched-measurement'
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

const refusedConsecutiveMax = 3
const enriched = (changes: Partial<EnrichedMeasurement>) =>
  JSON.stringify(enrichedMeasurement(changes))

/** JSON stands in for Avro; what begins with "late" is a schema that has to be asked for. */
const decoder = {
  now: (value: Buffer) => {
    const text = value.toString()
    if (text === 'mistake') throw new Error('a mistake')
    return /^(late|away|nobody)/.test(text) ? undefined : { value: parse(text) }
  },
  later: async (value: Buffer) => {
    const text = value.toString()
    if (text === 'nobody') throw new FaultlineError('SCHEMA_UNKNOWN', 'no such schema')
    if (text.startsWith('away') && !asked.has(text)) {
      asked.add(text)
      throw new FaultlineError('REGISTRY_UNAVAILABLE', 'away')
    }
    return await Promise.resolve(parse(text.slice(4)))
  },
}
const asked = new Set<string>()

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new FaultlineError('RECORD_UNDECODABLE', 'no JSON', { cause })
  }
}

function setUp(wrap: (store: ServingStore) => ServingStore = (store) => store) {
  const broker = new MemoryBroker()
  const metrics = new Metrics()
  const consumerMetrics = createConsumerMetrics(metrics, topic)
  const memory = memoryServingStore({ halfLifeMs: 3_600_000, windows: { '1h': 3_600_000 } })
  const store = wrap(memory)
  const fatal: unknown[] = []
  const stopping = new AbortController()
  let handler: ServingPartitions | undefined
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
        (handler = new ServingPartitions({
          topic,
          refusedConsecutiveMax,
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
        })),
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
  const metric = async (name: string, labels: Readonly<Record<string, string>> = {}) => {
    const found = (await metrics.registry.getSingleMetric(name)?.get())?.values ?? []
    return found
      .filter((entry) =>
        Object.entries(labels).every(([label, value]) => entry.labels[label] === value),
      )
      .reduce((sum, { value }) => sum + value, 0)
  }
  /** Where a successor would begin. */
  const takeOver = async () => (await memory.takeOver(0)).nextOffset
  return {
    broker,
    memory,
    start,
    write,
    events,
    fatal,
    metric,
    stopping,
    takeOver,
    handler: () => handler,
  }
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

  it('waits while the registry does not answer, and passes over only what it does not know', async () => {
    const { broker, start, write, events, fatal, metric } = setUp()
    const append = (text: string) =>
      broker.append(topic, 0, { key: Buffer.from('AC-0001'), value: Buffer.from(text) })
    await write(2)
    append(`away${enriched({ event_id: '801' })}`)
    append('nobody')
    append(`away${enriched({ event_id: '802' })}`)
    await write(2)
    const reader = start()
    await vi.waitUntil(() => events() === 6)
    await reader.stop()
    expect(fatal).toEqual([])
    expect(await metric('faultline_dead_letters_total', { reason: 'SCHEMA_UNKNOWN' })).toBe(1)
    expect(await metric('faultline_records_total', { outcome: 'refused' })).toBe(1)
    expect(await metric('faultline_records_total', { outcome: 'applied' })).toBe(6)
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

  it('does not take a store that lost everything but the epoch for a new one', async () => {
    let lost = false
    const copy = memoryServingStore({ halfLifeMs: 3_600_000, windows: {} })
    const { start, write, events, fatal } = setUp((store) => ({
      takeOver: async (partition) => {
        // The copy is as the store was before anything was applied.
        if (!lost) await copy.takeOver(partition)
        return (lost ? copy : store).takeOver(partition)
      },
      apply: (range) => (lost ? copy : store).apply(range),
    }))
    await write(5)
    const reader = start()
    await vi.waitUntil(() => events() === 5)
    lost = true
    await write(5)
    await vi.waitUntil(() => copy.contents().devices.get('AC-0001')?.events_total === 10)
    await reader.stop()
    expect(fatal).toEqual([])
  })

  it('notices a loss in the store also where nothing new comes in', async () => {
    let lost = false
    const fresh = memoryServingStore({ halfLifeMs: 3_600_000, windows: {} })
    const { start, write, events, fatal, handler } = setUp((store) => ({
      takeOver: (partition) => (lost ? fresh : store).takeOver(partition),
      apply: (range) => (lost ? fresh : store).apply(range),
    }))
    await write(5)
    const reader = start()
    await vi.waitUntil(() => events() === 5)
    const check = () => reader.value.between(0, async () => handler()?.check(0))
    await check()
    lost = true
    await check()
    await vi.waitUntil(() => fresh.contents().devices.get('AC-0001')?.events_total === 5)
    await reader.stop()
    expect(fatal).toEqual([])
  })

  it('puts a partition down that another process took, and takes it up again when it is still assigned', async () => {
    const { memory, start, write, events, fatal, metric } = setUp()
    await write(1)
    const reader = start()
    await vi.waitUntil(() => events() === 1)
    await memory.takeOver(0)
    await write(1)
    await vi.waitUntil(async () => (await metric('faultline_fenced_total')) === 1)
    await vi.waitUntil(() => events() === 2)
    await reader.stop()
    expect(fatal).toEqual([])
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
    ['bytes that are no record', 'nonsense', 'RECORD_UNDECODABLE'],
    ['a record of another kind', '"text"', 'ROW_INVALID'],
    ['a score outside [0, 1]', enriched({ fault_score: 1.5 }), 'ROW_INVALID'],
    ['the reserved type', enriched({ type: 'all' }), 'ROW_INVALID'],
    ['an event that is no number', enriched({ event_id: '1:2' }), 'ROW_INVALID'],
    ['no revision', enriched({ revision: 0 }), 'ROW_INVALID'],
    ['a time that is none', enriched({ measured_at: 0.5 }), 'ROW_INVALID'],
    ['an unknown alert level', enriched({ alert_level: 'odd' as AlertLevel }), 'ROW_INVALID'],
    ['a removal without a key', null, 'ROW_INVALID'],
  ])('counts %s and passes it over, with its offset', async (_what, value, reason) => {
    const { broker, start, fatal, write, events, metric, takeOver } = setUp()
    await write(1)
    const record = { key: null, value: value === null ? null : Buffer.from(value) }
    broker.append(topic, 0, record)
    const last = broker.append(topic, 0, record)
    const reader = start()
    await vi.waitUntil(async () => (await metric('faultline_dead_letters_total', { reason })) === 2)
    await reader.stop()
    expect(fatal).toEqual([])
    expect(events()).toBe(1)
    expect(await metric('faultline_records_total', { outcome: 'refused' })).toBe(2)
    expect(await metric('faultline_records_total', { outcome: 'applied' })).toBe(1)
    expect(await metric('faultline_replays_skipped_total')).toBe(0)
    expect(await takeOver()).toBe(last + 1)
  })

  it('stops at a flood of records that cannot be read, and names the last', async () => {
    const { broker, start, fatal, write, events, takeOver } = setUp()
    const nonsense = { key: Buffer.from('x'), value: Buffer.from('nonsense') }
    for (let refused = 0; refused < refusedConsecutiveMax; refused += 1) {
      broker.append(topic, 0, nonsense)
    }
    await write(1)
    const reader = start()
    // Not more than the limit in a row: a record between them that can be read ends the row.
    await vi.waitUntil(() => events() === 1)
    let last = 0
    for (let refused = 0; refused <= refusedConsecutiveMax; refused += 1) {
      last = broker.append(topic, 0, nonsense)
    }
    await vi.waitUntil(() => fatal.length > 0)
    await reader.stop()
    expect(fatal).toMatchObject([{ code: 'DEAD_LETTER_FLOOD' }])
    expect(String(fatal[0])).toContain(`${topic}/0 offset ${last}`)
    expect(await takeOver()).toBeLessThanOrEqual(last)
  })

  it('does not take a mistake in the program for a record that cannot be read', async () => {
    const { broker, start, fatal, takeOver } = setUp()
    const offset = broker.append(topic, 0, { key: null, value: Buffer.from('mistake') })
    const reader = start()
    await vi.waitUntil(() => fatal.length > 0)
    await reader.stop()
    expect(fatal).toMatchObject([{ message: 'a mistake' }])
    expect((await takeOver()) ?? offset).toBe(offset)
  })
})
