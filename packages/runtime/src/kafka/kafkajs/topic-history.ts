import { randomUUID } from 'node:crypto'
import type { Admin, Consumer, EachBatchPayload, Kafka, PartitionAssigner } from 'kafkajs'
import { AssignerProtocol } from 'kafkajs'
import type { KafkaRecord, TopicHistory } from '../ports.ts'
import { asBrokerUnavailable } from './errors.ts'
import { partitionBounds } from './group-offsets.ts'
import { toRecord } from './records.ts'

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
    async replay({ topic, partition }, onRecords) {
      const { first, end } = await partitionBounds(admin, { topic, partition })
      if (first >= end) return
      const consumer = kafka.consumer({
        groupId: `faultline-replay-${randomUUID()}`,
        partitionAssigners: [onePartition(topic, partition)],
        readUncommitted: false,
        maxWaitTimeInMs: 100,
        maxBytesPerPartition: 4_194_304,
        allowAutoTopicCreation: false,
      })
      try {
        await readUntil(consumer, { topic, end }, onRecords)
      } catch (error) {
        throw asBrokerUnavailable(error, `reading ${topic}/${partition}`)
      } finally {
        await consumer.disconnect()
      }
    },
  }
}

interface Range {
  readonly topic: string
  readonly end: number
}

async function readUntil(
  consumer: Consumer,
  range: Range,
  onRecords: (records: readonly KafkaRecord[]) => void,
): Promise<void> {
  const done = Promise.withResolvers<undefined>()
  // A batch of nothing but markers never reaches eachBatch; this event carries its end.
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    if (Number(payload.lastOffset) + 1 >= range.end) done.resolve(undefined)
  })
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    done.reject(payload.error)
  })
  await consumer.connect()
  await consumer.subscribe({ topic: range.topic, fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachBatch: ({ batch }: EachBatchPayload) => {
      onRecords(batch.messages.map(toRecord))
      return Promise.resolve()
    },
  })
  await done.promise
}
