import { randomUUID } from 'node:crypto'
import type { Admin, EachBatchPayload, Kafka } from 'kafkajs'
import type { Started } from '../../lifecycle/index.ts'
import type { KafkaRecord, TableFeed } from '../ports.ts'
import { asBrokerUnavailable, consumerCrash } from './errors.ts'
import { fetchedRecords } from './records.ts'
import { TopicEndsReader, type TopicEnds } from './topic-ends.ts'

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
  const progress = new Progress(topics)
  const endsReader = new TopicEndsReader(kafka, topics)
  const consumer = kafka.consumer({
    groupId: `faultline-table-${randomUUID()}`,
    readUncommitted: false,
    maxWaitTimeInMs: 100,
    minBytes: 1,
    allowAutoTopicCreation: false,
  })
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    progress.advance(payload.topic, Number(payload.lastOffset) + 1)
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

  return {
    value: {
      async caughtUp() {
        // The usual case, at every batch of measurements; not so either where the broker does not answer at once.
        const ends = await endsReader.read().catch(() => null)
        if (ends !== null && progress.has(ends)) return
        await progress.reach(await endsOfFilled(admin, topics))
      },
    },
    async stop() {
      await consumer.disconnect()
      await endsReader.disconnect()
    },
  }
}

/** How far each topic was read, and who waits for more. */
class Progress {
  readonly #next: Map<string, number>
  readonly #waiting = new Set<() => void>()

  constructor(topics: readonly string[]) {
    this.#next = new Map(topics.map((topic) => [topic, 0]))
  }

  advance(topic: string, next: number): void {
    this.#next.set(topic, next)
    for (const wake of [...this.#waiting]) wake()
  }

  has(ends: TopicEnds): boolean {
    return [...this.#next].every(([topic, next]) => next >= (ends.get(topic) ?? Infinity))
  }

  async reach(ends: TopicEnds): Promise<void> {
    while (!this.has(ends)) {
      const { promise, resolve } = Promise.withResolvers<undefined>()
      const wake = () => {
        resolve(undefined)
      }
      this.#waiting.add(wake)
      await promise
      this.#waiting.delete(wake)
    }
  }
}

/** Of a topic without records 0, wherever its next record will be: nobody reads up to there. */
async function endsOfFilled(admin: Admin, topics: readonly string[]): Promise<TopicEnds> {
  try {
    const ends = topics.map(async (topic) => {
      const offsets = await admin.fetchTopicOffsets(topic)
      const { low, high } = offsets[0] ?? { low: '0', high: '0' }
      return [topic, Number(low) < Number(high) ? Number(high) : 0] as const
    })
    return new Map(await Promise.all(ends))
  } catch (error) {
    throw asBrokerUnavailable(error, 'ends of the catalog topics')
  }
}
