import { randomUUID } from 'node:crypto'
import type { Admin, Kafka } from 'kafkajs'
import type { Started } from '../../lifecycle/index.ts'
import type { RecordBatch, TopicFollower } from '../ports.ts'
import { asBrokerUnavailable } from './errors.ts'
import { fetchAhead, fetchWait, type Gathering } from './fetch-ahead.ts'
import { FollowedPartitions } from './followed-partitions.ts'

interface TopicFollowerOptions {
  readonly kafka: Kafka
  readonly admin: Admin
  readonly topic: string
  /** Next offset to read by partition; a partition that is not named is read from its first record. */
  readonly from?: ReadonlyMap<number, number>
  readonly gather?: Gathering
  /**
   * Called one batch after the other for each partition, each where the former ended. It must not wait for another partition:
   * of all partitions the next batches are fetched together, while the former are worked on. `hold` is for a partition that has to wait.
   */
  readonly onBatch: (batch: RecordBatch) => Promise<void>
  readonly onFatal: (error: unknown) => void
}

/**
 * Small enough that the records of a fetch are done with before the garbage collector comes by: with 1 MiB they outlive it, are moved
 * to the old generation, and a million records cost twice the processor time.
 */
const maxBytesPerPartition = 262_144

/**
 * Follows every partition of a topic, read_committed, under a private group without commits.
 * @throws FaultlineError BROKER_UNAVAILABLE
 */
export async function startTopicFollower(
  options: TopicFollowerOptions,
): Promise<Started<TopicFollower>> {
  const { kafka, admin, topic, from, onFatal } = options
  const consumer = kafka.consumer({
    groupId: `faultline-follow-${randomUUID()}`,
    readUncommitted: false,
    ...fetchWait(options.gather, 100),
    maxBytesPerPartition,
    allowAutoTopicCreation: false,
  })
  const partitions = new FollowedPartitions({ from, onBatch: options.onBatch, onFatal })
  await fetchAhead({
    consumer,
    topic,
    purpose: `following ${topic}`,
    deliver: (batch) => partitions.deliver(batch),
    passed: (partition, firstOffset, nextOffset) => {
      const empty = { topic, partition, records: [], firstOffset, nextOffset }
      // Whoever waits for the next batch of the partition learns of a failure.
      partitions.deliver({ ...empty, endOffset: nextOffset }).catch(() => undefined)
    },
    onFatal,
  })
  for (const [partition, offset] of from ?? []) {
    consumer.seek({ topic, partition, offset: String(offset) })
  }
  return {
    value: {
      bounds: () => topicBounds(admin, topic),
      hold: (partition) => {
        consumer.pause([{ topic, partitions: [partition] }])
      },
      goOn: (partition) => {
        consumer.resume([{ topic, partitions: [partition] }])
      },
    },
    async stop() {
      await partitions.stop()
      await consumer.disconnect()
    },
  }
}

/** The first offset and the next one to be written, of every partition of a topic. @throws FaultlineError BROKER_UNAVAILABLE */
export async function topicBounds(
  admin: Admin,
  topic: string,
): Promise<ReadonlyMap<number, { readonly first: number; readonly end: number }>> {
  try {
    const offsets = await admin.fetchTopicOffsets(topic)
    return new Map(
      offsets.map(({ partition, low, high }) => [
        partition,
        { first: Number(low), end: Number(high) },
      ]),
    )
  } catch (error) {
    throw asBrokerUnavailable(error, `offsets of ${topic}`)
  }
}
