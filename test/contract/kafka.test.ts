import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '@faultline/runtime/clock'
import {
  connectKafka,
  kafkajsTopicHistory,
  kafkajsTransactionalProducers,
  startPartitionReader,
  type GroupOffsets,
  type KafkaConnection,
  type KafkaRecord,
  type PartitionHandler,
  type PartitionReader,
  type RecordBatch,
  type TopicHistory,
  type TransactionalProducers,
} from '@faultline/runtime/kafka'
import { ensureTopics } from '@faultline/runtime/kafka-admin'
import { MemoryBroker, startMemoryReader } from '@faultline/runtime/kafka/memory'
import type { Started } from '@faultline/runtime/lifecycle'
import { createLogger } from '@faultline/runtime/logging'
import { connection } from '../support/connection.ts'

/** What the suite needs of a broker: the ports, and a way to write plainly. */
interface Bench {
  readonly producers: TransactionalProducers
  readonly history: TopicHistory
  append(topic: string, partition: number, value: string): Promise<void>
  topics(names: readonly string[]): Promise<void>
  read(options: ReaderOptions): Promise<Started<PartitionReader>>
}

interface ReaderOptions {
  readonly group: string
  readonly topic: string
  readonly handler: (reader: Pick<PartitionReader, 'offsets'>) => PartitionHandler
  readonly onFatal: (error: unknown) => void
}

const logger = createLogger('test', 'silent')

function memoryBench(): Bench {
  const broker = new MemoryBroker()
  return {
    producers: broker.transactionalProducers(),
    history: broker.history(),
    append: (topic, partition, value) => {
      broker.append(topic, partition, { key: null, value: Buffer.from(value) })
      return Promise.resolve()
    },
    topics: () => Promise.resolve(),
    read: (options) =>
      Promise.resolve(
        startMemoryReader({
          ...options,
          broker,
          partitions: [0, 1],
          batchMax: 3,
          clock: systemClock,
          logger,
        }),
      ),
  }
}

function kafkajsBench({ kafka, admin }: KafkaConnection, brokers: readonly string[]): Bench {
  return {
    producers: kafkajsTransactionalProducers(kafka),
    history: kafkajsTopicHistory(kafka, admin),
    append: async (topic, partition, value) => {
      const producer = kafka.producer()
      await producer.connect()
      await producer.send({ topic, messages: [{ partition, value }] })
      await producer.disconnect()
    },
    topics: (names) =>
      ensureTopics(
        brokers,
        names.map((name) => ({ name, partitions: 2, config: {} })),
      ),
    read: (options) =>
      startPartitionReader({
        ...options,
        kafka,
        admin,
        start: { at: 'earliest' },
        maxBytesPerPartition: 100_000,
        clock: systemClock,
        logger,
      }),
  }
}

/** Collects what a reader is given, and lets a test wait for it. */
class Collector {
  readonly values: string[] = []
  readonly batches: RecordBatch[] = []
  readonly fatal: unknown[] = []
  readonly #waiting = new Set<() => void>()

  add(batch: RecordBatch): void {
    this.batches.push(batch)
    this.values.push(...batch.records.map(({ value }) => String(value)))
    for (const wake of this.#waiting) wake()
  }

  async until(count: number): Promise<void> {
    while (this.values.length < count) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve))
    }
  }

  handler(takeOver: (partition: number) => Promise<number | null>): PartitionHandler {
    return {
      takeOver,
      process: (batch) => {
        this.add(batch)
        return Promise.resolve()
      },
      release: () => undefined,
    }
  }
}

const value = (record: KafkaRecord) => String(record.value)

describe.each(['memory', 'kafkajs'] as const)('the Kafka ports: %s', (kind) => {
  let bench: Bench
  let started: Started<KafkaConnection> | undefined
  let readers: Started<PartitionReader>[] = []
  let topic: string
  let output: string
  let group: string

  beforeAll(async () => {
    if (kind === 'memory') {
      bench = memoryBench()
      return
    }
    const brokers = connection().kafkaBootstrap.split(',')
    started = await connectKafka({ brokers, clientId: 'contract', logger })
    bench = kafkajsBench(started.value, brokers)
  })
  afterAll(() => started?.stop())
  afterEach(async () => {
    for (const reader of readers) await reader.stop()
    readers = []
  })

  async function fresh(): Promise<void> {
    const id = randomUUID().slice(0, 8)
    topic = `in-${id}`
    output = `out-${id}`
    group = `group-${id}`
    await bench.topics([topic, output])
  }

  async function read(options: Partial<ReaderOptions> & Pick<ReaderOptions, 'handler'>) {
    const reader = await bench.read({
      group,
      topic,
      onFatal: (error) => {
        throw error
      },
      ...options,
    })
    readers.push(reader)
    return reader
  }

  const commit = (records: readonly string[], nextOffset: number) => ({
    partition: 1,
    records: records.map((text) => ({
      topic: output,
      key: Buffer.from('k'),
      value: Buffer.from(text),
    })),
    consumed: { group, topic, nextOffset },
  })

  it('hands over every record once, in order, in contiguous batches', async () => {
    await fresh()
    for (let n = 0; n < 10; n++) await bench.append(topic, 1, `r${n}`)
    const seen = new Collector()
    await read({ handler: () => seen.handler(() => Promise.resolve(null)) })
    await seen.until(10)
    expect(seen.values).toEqual(Array.from({ length: 10 }, (_, n) => `r${n}`))
    let expected = 0
    for (const { firstOffset, nextOffset } of seen.batches) {
      expect(firstOffset).toBe(expected)
      expected = nextOffset
    }
  })

  it('starts where takeOver says, whatever the group has committed', async () => {
    await fresh()
    for (let n = 0; n < 6; n++) await bench.append(topic, 1, `r${n}`)
    const seen = new Collector()
    await read({
      handler: () => seen.handler((partition) => Promise.resolve(partition === 1 ? 4 : null)),
    })
    await seen.until(2)
    expect(seen.values).toEqual(['r4', 'r5'])
  })

  it('makes records and offset of a transaction visible together', async () => {
    await fresh()
    const producer = await bench.producers.open(`tx-${group}`)
    await producer.commit(commit(['a', 'b'], 7))
    await producer.commit(commit(['c'], 9))
    await producer.close()
    const values: string[] = []
    await bench.history.replay({ topic: output, partition: 1 }, (records) => {
      values.push(...records.map(value))
    })
    expect(values).toEqual(['a', 'b', 'c'])
    let offsets: GroupOffsets | undefined
    await read({
      handler: (reader) => {
        offsets = reader.offsets
        return new Collector().handler(() => Promise.resolve(null))
      },
    })
    expect(await offsets?.committed(1)).toMatchObject({ offset: 9 })
    expect(await offsets?.committed(0)).toBeNull()
  })

  it('fences a producer whose transactional id was opened again', async () => {
    await fresh()
    const zombie = await bench.producers.open(`tx-${group}`)
    await zombie.commit(commit(['a'], 1))
    const owner = await bench.producers.open(`tx-${group}`)
    await expect(zombie.commit(commit(['z'], 2))).rejects.toMatchObject({ code: 'PRODUCER_FENCED' })
    await owner.commit(commit(['b'], 2))
    await Promise.all([zombie.close(), owner.close()])
    const values: string[] = []
    await bench.history.replay({ topic: output, partition: 1 }, (records) => {
      values.push(...records.map(value))
    })
    expect(values).toEqual(['a', 'b'])
  })

  it('goes past transaction markers without losing count', async () => {
    await fresh()
    const producer = await bench.producers.open(`tx-${group}`)
    for (const [index, text] of ['a', 'b', 'c'].entries())
      await producer.commit(commit([text], index))
    const seen = new Collector()
    await read({
      topic: output,
      group: `${group}-2`,
      handler: () => seen.handler(() => Promise.resolve(null)),
    })
    await seen.until(3)
    await producer.commit(commit(['d'], 3))
    await seen.until(4)
    await producer.close()
    expect(seen.values).toEqual(['a', 'b', 'c', 'd'])
    expect(seen.batches[0]?.firstOffset).toBe(0)
    seen.batches.reduce((expected, batch) => {
      expect(batch.firstOffset).toBeGreaterThanOrEqual(expected)
      return batch.nextOffset
    }, 0)
  })

  it('reads the history of one partition only, and nothing of an empty one', async () => {
    await fresh()
    await bench.append(topic, 0, 'zero')
    await bench.append(topic, 1, 'one')
    const values: string[] = []
    await bench.history.replay({ topic, partition: 1 }, (records) =>
      values.push(...records.map(value)),
    )
    await bench.history.replay({ topic: output, partition: 1 }, (records) =>
      values.push(...records.map(value)),
    )
    expect(values).toEqual(['one'])
    expect(await bench.history.bounds(topic, 1)).toEqual({ first: 0, end: 1 })
  })

  it('keeps an offset with its metadata', async () => {
    await fresh()
    const seen = new Collector()
    await bench.append(topic, 1, 'x')
    let offsets: GroupOffsets | undefined
    await read({
      handler: (reader) => {
        offsets = reader.offsets
        return seen.handler(() => Promise.resolve(null))
      },
    })
    await seen.until(1)
    await offsets?.commit(1, { offset: 1, metadata: 'until 5' })
    expect(await offsets?.committed(1)).toEqual({ offset: 1, metadata: 'until 5' })
  })

  it('runs work between batches of a partition it owns', async () => {
    await fresh()
    const seen = new Collector()
    await bench.append(topic, 1, 'x')
    const reader = await read({ handler: () => seen.handler(() => Promise.resolve(null)) })
    await seen.until(1)
    let ran = false
    await reader.value.between(1, () => {
      ran = true
      return Promise.resolve()
    })
    expect(ran).toBe(true)
    expect(reader.value.owned()).toContain(1)
  })
})
