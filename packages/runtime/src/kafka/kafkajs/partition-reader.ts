import type { Admin, Batch, Consumer, EachBatchPayload, Kafka } from 'kafkajs'
import type { Clock } from '../../clock.ts'
import type { Logger } from '../../logging/index.ts'
import type { Started } from '../../lifecycle/index.ts'
import { PartitionOwnership } from '../partition-ownership.ts'
import type { PartitionHandler, PartitionReader, RecordBatch } from '../ports.ts'
import type { StartingOffsets } from '../starting-offsets.ts'
import { asBrokerUnavailable, consumerCrash } from './errors.ts'
import { heartbeatIntervalMs, withHeartbeats } from './heartbeats.ts'
import { kafkajsGroupOffsets, partitionBounds, resolveStart } from './group-offsets.ts'
import { fetchedRecords } from './records.ts'

export interface PartitionReaderOptions {
  readonly kafka: Kafka
  readonly admin: Admin
  readonly group: string
  readonly topic: string
  readonly start: StartingOffsets
  readonly handler: (reader: Pick<PartitionReader, 'offsets'>) => PartitionHandler
  /** Bytes fetched from a partition at once; bounds a batch and with it the memory in use. */
  readonly maxBytesPerPartition: number
  /** For a reader that need not have a record at once: each answer costs the broker and the reader as much as some ten records. */
  readonly gather?: Gathering
  readonly clock: Clock
  readonly logger: Logger
  readonly onFatal: (error: unknown) => void
}

/** The broker answers once it has so many bytes, or after so long. Longer than a second would hold up heartbeats. */
export interface Gathering {
  readonly bytes: number
  readonly ms: number
}

/**
 * How long a member may be silent before its partitions go to another: what a killed process costs its successor.
 * A batch may take longer, because heartbeats go on while it is processed.
 */
const sessionTimeoutMs = 6_000
/**
 * How long the broker may hold a fetch back for want of records. A read_committed fetch that begins between the records of a
 * transaction and its marker is sometimes not woken by the marker, and then waits this long: with 500 ms one row in a hundred
 * took half a second, with 50 the price is 20 empty answers a second on an idle topic.
 */
const fetchWaitMs = 50

/** Reads a topic as a member of a consumer group and drives the handler of its partitions. */
export async function startPartitionReader(
  options: PartitionReaderOptions,
): Promise<Started<PartitionReader>> {
  const { kafka, admin, group, topic } = options
  const consumer = kafka.consumer({
    groupId: group,
    sessionTimeout: sessionTimeoutMs,
    heartbeatInterval: heartbeatIntervalMs,
    rebalanceTimeout: 30_000,
    readUncommitted: false,
    minBytes: options.gather?.bytes ?? 1,
    maxWaitTimeInMs: options.gather?.ms ?? fetchWaitMs,
    maxBytesPerPartition: options.maxBytesPerPartition,
    allowAutoTopicCreation: false,
  })
  const offsets = kafkajsGroupOffsets({ admin, consumer }, { group, topic })
  const ownership = new PartitionOwnership({
    handler: options.handler({ offsets }),
    defaultStart: (partition) => resolveStart(admin, { topic, partition }, options.start),
    bounds: (partition) => partitionBounds(admin, { topic, partition }),
    hold: (partition) => {
      consumer.pause([{ topic, partitions: [partition] }])
    },
    goOn: (partition, offset) => {
      consumer.seek({ topic, partition, offset: String(offset) })
      consumer.resume([{ topic, partitions: [partition] }])
    },
    clock: options.clock,
    logger: options.logger,
    onFatal: options.onFatal,
  })
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    ownership.assign(payload.memberAssignment[topic] ?? [])
  })
  // Fetches that bring nothing but markers or aborted records never reach eachBatch.
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    if (payload.batchSize > 0) return
    ownership.passed(payload.partition, Number(payload.firstOffset), Number(payload.lastOffset) + 1)
  })
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) options.onFatal(consumerCrash(payload.error))
  })
  try {
    await run(consumer, topic, ownership)
  } catch (error) {
    await consumer.disconnect()
    throw asBrokerUnavailable(error, `joining ${group}`)
  }
  return {
    value: {
      offsets,
      owned: () => ownership.owned(),
      takingOver: () => ownership.takingOver(),
      between: (partition, work) => ownership.between(partition, work),
    },
    async stop() {
      await ownership.stop()
      await consumer.disconnect()
    },
  }
}

async function run(
  consumer: Consumer,
  topic: string,
  ownership: PartitionOwnership,
): Promise<void> {
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const newest = new Map<number, Promise<void>>()
  await consumer.run({
    autoCommit: false,
    partitionsConsumedConcurrently: 8,
    eachBatch: async (payload: EachBatchPayload) => {
      const { batch } = payload
      const before = newest.get(batch.partition)
      newest.set(
        batch.partition,
        ownership.deliver(batch.partition, fetchedOffset(batch), () => toBatch(batch)),
      )
      // kafkajs fetches nothing before this returns, so it returns one batch early: the next one comes while this one is worked on.
      await withHeartbeats(payload, () => before ?? Promise.resolve())
    },
  })
}

/** Where the fetch began; kafkajs keeps it on the batch without declaring it. */
function fetchedOffset(batch: Batch): number {
  return Number((batch as Batch & { readonly fetchedOffset: string }).fetchedOffset)
}

function toBatch(batch: Batch): Omit<RecordBatch, 'firstOffset'> {
  return {
    topic: batch.topic,
    partition: batch.partition,
    records: fetchedRecords(batch.messages),
    nextOffset: Number(batch.lastOffset()) + 1,
    endOffset: Number(batch.highWatermark),
  }
}
