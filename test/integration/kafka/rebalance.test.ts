import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '@faultline/runtime/clock'
import {
  connectKafka,
  kafkajsTopicHistory,
  kafkajsTransactionalProducers,
  startPartitionReader,
  type KafkaConnection,
  type PartitionHandler,
  type PartitionReader,
  type TransactionalProducer,
} from '@faultline/runtime/kafka'
import { ensureTopics } from '@faultline/runtime/kafka-admin'
import type { Started } from '@faultline/runtime/lifecycle'
import { createLogger } from '@faultline/runtime/logging'
import { connection } from '../../support/connection.ts'
import { eventually } from '../../support/eventually.ts'

const partitions = 4
const logger = createLogger('test', 'silent')

describe('a group whose members come and go', () => {
  let kafka: Started<KafkaConnection>
  let input: string
  let output: string
  let group: string
  let members: Started<PartitionReader>[]
  let fatal: unknown[]

  beforeEach(async () => {
    const id = randomUUID().slice(0, 8)
    input = `rebalance-in-${id}`
    output = `rebalance-out-${id}`
    group = `rebalance-${id}`
    members = []
    fatal = []
    const brokers = connection().kafkaBootstrap.split(',')
    const specs = [input, output].map((name) => ({ name, partitions, config: {} }))
    await ensureTopics(brokers, specs)
    kafka = await connectKafka({ brokers, clientId: 'rebalance', logger })
  })
  afterEach(async () => {
    for (const member of members) await member.stop()
    await kafka.stop()
  })

  /** Copies its partitions, in transactions, as the enricher does. */
  function copier(): (reader: Pick<PartitionReader, 'offsets'>) => PartitionHandler {
    const producers = kafkajsTransactionalProducers(kafka.value.kafka)
    const open = new Map<number, TransactionalProducer>()
    return ({ offsets }) => ({
      takeOver: async (partition) => {
        const producer = await producers.open(`${group}-${partition}`)
        open.set(partition, producer)
        return (await offsets.committed(partition))?.offset ?? null
      },
      process: async ({ partition, records, nextOffset }) => {
        await open.get(partition)?.commit({
          partition,
          records: records.map(({ key, value }) => ({ topic: output, key, value })),
          consumed: { group, topic: input, nextOffset },
        })
      },
      release: (partition) => {
        void open.get(partition)?.close()
        open.delete(partition)
      },
    })
  }

  async function join(): Promise<Started<PartitionReader>> {
    const member = await startPartitionReader({
      ...kafka.value,
      group,
      topic: input,
      start: { at: 'earliest' },
      maxBytesPerPartition: 2_000,
      clock: systemClock,
      logger,
      onFatal: (error) => fatal.push(error),
      handler: copier(),
    })
    members.push(member)
    return member
  }

  async function write(from: number, to: number): Promise<void> {
    const producer = kafka.value.kafka.producer()
    await producer.connect()
    for (let n = from; n < to; n += 50) {
      const messages = Array.from({ length: Math.min(50, to - n) }, (_, i) => {
        return { partition: (n + i) % partitions, value: String(n + i) }
      })
      await producer.send({ topic: input, messages })
    }
    await producer.disconnect()
  }

  async function copied(): Promise<number[]> {
    const history = kafkajsTopicHistory(kafka.value.kafka, kafka.value.admin)
    const values: number[] = []
    for (let partition = 0; partition < partitions; partition++) {
      const inOrder: number[] = []
      await history.replay({ topic: output, partition }, (records) => {
        inOrder.push(...records.map(({ value }) => Number(value)))
      })
      expect(inOrder, 'order within a partition').toEqual(inOrder.toSorted((a, b) => a - b))
      values.push(...inOrder)
    }
    return values.sort((a, b) => a - b)
  }

  it('copies every record once while a member joins and another leaves', async () => {
    const first = await join()
    const writing = write(0, 4_000)
    await eventually(() => {
      expect(first.value.owned()).toHaveLength(partitions)
    })
    const second = await join()
    await eventually(() => {
      expect(first.value.owned()).toHaveLength(2)
      expect(second.value.owned()).toHaveLength(2)
    })
    await writing
    const more = write(4_000, 6_000)
    await first.stop()
    members = [second]
    await more
    await eventually(
      async () => {
        expect(fatal).toEqual([])
        expect(await copied()).toHaveLength(6_000)
      },
      { limitMs: 60_000, everyMs: 500 },
    )
    expect(await copied()).toEqual(Array.from({ length: 6_000 }, (_, n) => n))
  })
})
