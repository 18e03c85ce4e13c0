import type { Admin, Kafka } from 'kafkajs'
import type { Clock } from '../../clock.ts'
import type { Logger } from '../../logging/index.ts'
import type { Started } from '../../lifecycle/index.ts'
import { PartitionOwnership } from '../partition-ownership.ts'
import type { PartitionHandler, PartitionReader } from '../ports.ts'
import type { StartingOffsets } from '../starting-offsets.ts'
import { fetchAhead, fetchWait, type Gathering } from './fetch-ahead.ts'
import { heartbeatIntervalMs } from './heartbeats.ts'
import { kafkajsGroupOffsets, partitionBounds, resolveStart } from './group-offsets.ts'

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
    ...fetchWait(options.gather, fetchWaitMs),
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
  await fetchAhead({
    consumer,
    topic,
    purpose: `joining ${group}`,
    deliver: ({ firstOffset: fetchedOffset, ...batch }) =>
      ownership.deliver(batch.partition, fetchedOffset, () => batch),
    passed: (partition, fetchedOffset, nextOffset) => {
      ownership.passed(partition, fetchedOffset, nextOffset)
    },
    onFatal: options.onFatal,
  })
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
