import { randomUUID } from 'node:crypto'
import type { Admin, EachBatchPayload, Kafka } from 'kafkajs'
import type { Started } from '../../lifecycle/index.ts'
import type { KafkaRecord, TableFeed } from '../ports.ts'
import { asBrokerUnavailable, consumerCrash } from './errors.ts'
import { fetchedRecords } from './records.ts'
import { TopicEndsReader } from './topic-ends.ts'

interface TableFeedOptions {
  readonly kafka: Kafka
  readonly admin: Admin
  /** Single-partition topics. */
  readonly topics: readonly string[]
  readonly onRecords: (topic: string, records: readonly KafkaRecord[]) => Promise<void>
  readonly onFatal: (error: unknown) => void
}

/**
 * Follows topics from their first record under a private group without commits.
 *
 * `caughtUp` asks for the ends after the call and waits for them. Debezium writes in log order and commits a catalog row no
 * later than the measurements after it, so whoever waits here after fetching a measurement has every catalog row that was
 * committed before it; the high watermark rather than the stable one is awaited, because the transaction markers of one
 * commit reach the partitions at slightly different times.
 */
export async function startTableFeed(options: TableFeedOptions): Promise<Started<TableFeed>> {
  const { kafka, admin, topics, onRecords, onFatal } = options
  const next = new Map<string, number>(topics.map((topic) => [topic, 0]))
  const waiting = new Set<() => void>()
  const endsReader = new TopicEndsReader(kafka, topics)
  const consumer = kafka.consumer({
    groupId: `faultline-table-${randomUUID()}`,
    readUncommitted: false,
    maxWaitTimeInMs: 100,
    minBytes: 1,
    allowAutoTopicCreation: false,
  })
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    next.set(payload.topic, Number(payload.lastOffset) + 1)
    for (const wake of [...waiting]) wake()
  })
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) onFatal(consumerCrash(payload.error))
  })
  try {
    await endsReader.connect()
    await consumer.connect()
    await consumer.subscribe({ topics: [...topics], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }: EachBatchPayload) => {
        try {
          await onRecords(batch.topic, fetchedRecords(batch.messages))
        } catch (error) {
          onFatal(error)
          throw error
        }
      },
    })
  } catch (error) {
    await endsReader.disconnect()
    await consumer.disconnect()
    throw asBrokerUnavailable(error, `following ${topics.join(', ')}`)
  }

  /** The usual case, asked for at every batch of measurements; false also where the broker did not answer at once. */
  async function isAtEnd(): Promise<boolean> {
    const found = await endsReader.read().catch(() => new Map<string, number>())
    return topics.every((topic) => (next.get(topic) ?? 0) >= (found.get(topic) ?? Infinity))
  }

  /** Of a topic without records 0, wherever its next record will be. */
  async function ends(): Promise<readonly (readonly [string, number])[]> {
    try {
      return await Promise.all(
        topics.map(async (topic) => {
          const offsets = await admin.fetchTopicOffsets(topic)
          const { low, high } = offsets[0] ?? { low: '0', high: '0' }
          return [topic, Number(low) < Number(high) ? Number(high) : 0] as const
        }),
      )
    } catch (error) {
      throw asBrokerUnavailable(error, 'ends of the catalog topics')
    }
  }

  return {
    value: {
      async caughtUp() {
        if (await isAtEnd()) return
        const targets = await ends()
        const reached = () => targets.every(([topic, end]) => (next.get(topic) ?? 0) >= end)
        while (!reached()) {
          const { promise, resolve } = Promise.withResolvers<undefined>()
          const wake = () => {
            resolve(undefined)
          }
          waiting.add(wake)
          await promise
          waiting.delete(wake)
        }
      },
    },
    async stop() {
      await consumer.disconnect()
      await endsReader.disconnect()
    },
  }
}
