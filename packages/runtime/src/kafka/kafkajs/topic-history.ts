import { randomUUID } from 'node:crypto'
import type { Admin, Consumer, EachBatchPayload, Kafka, PartitionAssigner } from 'kafkajs'
import type { KafkaRecord, TopicHistory } from '../ports.ts'
import { asBrokerUnavailable } from './errors.ts'
import { partitionBounds } from './group-offsets.ts'
import { withHeartbeats } from './heartbeats.ts'
import { AssignerProtocol } from './library.ts'
import { fetchedRecords } from './records.ts'

/** Gives the only member of a private group exactly one partition. */
function onePartition(topic: string, partition: number): PartitionAssigner {
  return () => ({
    name: 'one-partition',
    version: 0,
    assign: ({ members }) =>
      Promise.resolve(
        members.map(({ memberId }) => ({
          memberId,
          memberAssignment: AssignerProtocol.MemberAssignment.encode({
            version: 0,
            assignment: { [topic]: [partition] },
            userData: Buffer.alloc(0),
          }),
        })),
      ),
    protocol: ({ topics }) => ({
      name: 'one-partition',
      metadata: AssignerProtocol.MemberMetadata.encode({
        version: 0,
        topics,
        userData: Buffer.alloc(0),
      }),
    }),
  })
}

export function kafkajsTopicHistory(kafka: Kafka, admin: Admin): TopicHistory {
  return {
    bounds: (topic, partition) => partitionBounds(admin, { topic, partition }),
    async replay({ topic, partition, from = 0, to = Number.MAX_SAFE_INTEGER }, onRecords) {
      const bounds = await partitionBounds(admin, { topic, partition })
      const range = { topic, partition, from: Math.max(from, bounds.first) }
      const end = Math.min(to, bounds.end)
      if (range.from >= end) return
      const consumer = kafka.consumer({
        groupId: `faultline-replay-${randomUUID()}`,
        partitionAssigners: [onePartition(topic, partition)],
        readUncommitted: false,
        maxWaitTimeInMs: 100,
        maxBytesPerPartition: 4_194_304,
        allowAutoTopicCreation: false,
      })
      try {
        await readUntil(consumer, { ...range, end }, onRecords)
      } finally {
        await consumer.disconnect()
      }
    },
  }
}

interface Range {
  readonly topic: string
  readonly partition: number
  readonly from: number
  readonly end: number
}

/** @throws FaultlineError BROKER_UNAVAILABLE, and what `onRecords` throws */
async function readUntil(
  consumer: Consumer,
  range: Range,
  onRecords: (records: readonly KafkaRecord[]) => unknown,
): Promise<void> {
  const { topic, partition, from, end } = range
  const done = Promise.withResolvers<undefined>()
  // A group that had to join again begins at the start of the topic.
  let next = from
  // A batch of nothing but markers never reaches eachBatch; this event carries its end.
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    if (Number(payload.lastOffset) + 1 >= end) done.resolve(undefined)
  })
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    done.reject(asBrokerUnavailable(payload.error, `reading ${topic}/${partition}`))
  })
  const eachBatch = async (payload: EachBatchPayload): Promise<void> => {
    const records = fetchedRecords(payload.batch.messages).filter(
      ({ offset }) => offset >= next && offset < end,
    )
    next = (records.at(-1)?.offset ?? next - 1) + 1
    if (records.length === 0) return
    try {
      await withHeartbeats(payload, async () => {
        await onRecords(records)
      })
    } catch (error) {
      // Not the reader's affair: thrown on from here it would be retried.
      done.reject(error)
    }
  }
  try {
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({ autoCommit: false, eachBatch })
    if (from > 0) consumer.seek({ topic, partition, offset: String(from) })
  } catch (error) {
    throw asBrokerUnavailable(error, `reading ${topic}/${partition}`)
  }
  await done.promise
}
