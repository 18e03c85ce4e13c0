import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { systemClock } from '@faultline/runtime/clock'
import {
  connectKafka,
  kafkajsTopicHistory,
  startPartitionReader,
  startTopicFollower,
  type KafkaConnection,
  type KafkaRecord,
} from '@faultline/runtime/kafka'
import { ensureTopics } from '@faultline/runtime/kafka-admin'
import type { Started } from '@faultline/runtime/lifecycle'
import { createLogger } from '@faultline/runtime/logging'
import { connection } from '../../support/connection.ts'
import { eventually } from '../../support/eventually.ts'

const logger = createLogger('test', 'silent')
const topic = `committed-${randomUUID().slice(0, 8)}`
const failed: unknown[] = []
const onFatal = (error: unknown) => failed.push(error)
let connected: Started<KafkaConnection>

/** One record that was committed, one of a transaction that was aborted, and one that was committed after it. */
beforeAll(async () => {
  const brokers = connection().kafkaBootstrap.split(',')
  await ensureTopics(brokers, [{ name: topic, partitions: 1, config: {} }])
  connected = await connectKafka({ brokers, clientId: 'read-committed', logger })
  const producer = connected.value.kafka.producer({
    transactionalId: topic,
    maxInFlightRequests: 1,
  })
  await producer.connect()
  for (const [value, outcome] of [
    ['before', 'commit'],
    ['aborted', 'abort'],
    ['after', 'commit'],
  ] as const) {
    const transaction = await producer.transaction()
    await transaction.send({ topic, messages: [{ partition: 0, value }] })
    await transaction[outcome]()
  }
  await producer.disconnect()
})
afterAll(() => connected.stop())

const texts = (records: readonly KafkaRecord[]) => records.map(({ value }) => String(value))

it('a group is handed nothing of an aborted transaction', async () => {
  const seen: string[] = []
  const reader = await startPartitionReader({
    ...connected.value,
    group: topic,
    topic,
    start: { at: 'earliest' },
    maxBytesPerPartition: 100_000,
    clock: systemClock,
    logger,
    onFatal,
    handler: () => ({
      takeOver: () => Promise.resolve(null),
      process: ({ records }) => Promise.resolve(void seen.push(...texts(records))),
      release: () => undefined,
    }),
  })
  await eventually(() => {
    expect(seen).toContain('after')
  })
  await reader.stop()
  expect(seen).toEqual(['before', 'after'])
  expect(failed).toEqual([])
})

it('a history holds nothing of an aborted transaction', async () => {
  const seen: string[] = []
  const history = kafkajsTopicHistory(connected.value.kafka, connected.value.admin)
  await history.replay({ topic, partition: 0 }, (records) => seen.push(...texts(records)))
  expect(seen).toEqual(['before', 'after'])
})

it('a follower is handed nothing of an aborted transaction', async () => {
  const seen: string[] = []
  const follower = await startTopicFollower({
    ...connected.value,
    topic,
    onFatal,
    onBatch: ({ records }) => Promise.resolve(void seen.push(...texts(records))),
  })
  await eventually(() => {
    expect(seen).toContain('after')
  })
  await follower.stop()
  expect(seen).toEqual(['before', 'after'])
})
