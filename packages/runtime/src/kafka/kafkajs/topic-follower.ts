import { randomUUID } from 'node:crypto'
import type { Admin, Batch, Kafka } from 'kafkajs'
import type { Started } from '../../lifecycle/index.ts'
import type { RecordBatch, TopicFollower } from '../ports.ts'
import { asBrokerUnavailable, consumerCrash } from './errors.ts'
import { withHeartbeats } from './heartbeats.ts'
import type { Gathering } from './partition-reader.ts'
import { fetchedRecords } from './records.ts'

interface TopicFollowerOptions {
  readonly kafka: Kafka
  readonly admin: Admin
  readonly topic: string
  /** Next offset to read by partition; a partition that is not named is read from its first record. */
  readonly from?: ReadonlyMap<number, number>
  readonly gather?: Gathering
  /**
   * Called one batch after the other for each partition, each where the former ended. It must not wait for another partition:
   * nothing is fetched before all batches of a fetch are done. `hold` is for a partition that has to wait.
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
    minBytes: options.gather?.bytes ?? 1,
    maxWaitTimeInMs: options.gather?.ms ?? 100,
    maxBytesPerPartition,
    allowAutoTopicCreation: false,
  })
  const next = new Map(from)
  const queues = new Map<number, Promise<void>>()
  const take = async (batch: RecordBatch): Promise<void> => {
    const firstOffset = next.get(batch.partition) ?? batch.firstOffset
    // A fetch that was under way when the place was set begins elsewhere.
    if (batch.nextOffset <= firstOffset) return
    const records = batch.records.filter(({ offset }) => offset >= firstOffset)
    await options.onBatch({ ...batch, firstOffset, records })
    next.set(batch.partition, batch.nextOffset)
  }
  const onBatch = async (batch: RecordBatch): Promise<void> => {
    const taken = (queues.get(batch.partition) ?? Promise.resolve()).then(() => take(batch))
    queues.set(batch.partition, taken)
    try {
      await taken
    } catch (error) {
      onFatal(error)
      throw error
    }
  }
  // Fetches that bring nothing but markers or aborted records never reach eachBatch.
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    if (payload.batchSize > 0) return
    const [first, end] = [Number(payload.firstOffset), Number(payload.lastOffset) + 1]
    const { partition } = payload
    const empty = { topic, partition, records: [], firstOffset: first, nextOffset: end }
    onBatch({ ...empty, endOffset: end }).catch(() => undefined)
  })
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) onFatal(consumerCrash(payload.error))
  })
  try {
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      partitionsConsumedConcurrently: 8,
      eachBatch: (payload) => withHeartbeats(payload, () => onBatch(toBatch(payload.batch))),
    })
    for (const [partition, offset] of from ?? []) {
      consumer.seek({ topic, partition, offset: String(offset) })
    }
  } catch (error) {
    await consumer.disconnect()
    throw asBrokerUnavailable(error, `following ${topic}`)
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
    stop: () => consumer.disconnect(),
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

function toBatch(batch: Batch): RecordBatch {
  return {
    topic: batch.topic,
    partition: batch.partition,
    records: fetchedRecords(batch.messages),
    firstOffset: Number((batch as Batch & { readonly fetchedOffset: string }).fetchedOffset),
    nextOffset: Number(batch.lastOffset()) + 1,
    endOffset: Number(batch.highWatermark),
  }
}
