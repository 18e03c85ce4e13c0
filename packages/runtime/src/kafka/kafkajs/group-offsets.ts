import type { Admin, Consumer } from 'kafkajs'
import { FaultlineError } from '../../errors/index.ts'
import type { CommittedOffset, GroupOffsets } from '../ports.ts'
import type { StartingOffsets } from '../starting-offsets.ts'
import { asBrokerUnavailable, rebalanceError } from './errors.ts'

interface GroupTopic {
  readonly group: string
  readonly topic: string
}

export function kafkajsGroupOffsets(
  { admin, consumer }: { readonly admin: Admin; readonly consumer: Consumer },
  { group, topic }: GroupTopic,
): GroupOffsets {
  return {
    committed: (partition) => committedOffset(admin, { group, topic }, partition),
    async commit(partition, { offset, metadata }) {
      try {
        await consumer.commitOffsets([{ topic, partition, offset: String(offset), metadata }])
      } catch (error) {
        if (rebalanceError(error) === undefined) {
          throw asBrokerUnavailable(error, `committing offsets of ${group}`)
        }
        throw new FaultlineError(
          'TRANSACTION_ABORTED',
          'the partition may belong to another member now',
          {
            cause: error,
            context: { group, topic, partition },
          },
        )
      }
    },
  }
}

/** What a group committed for a partition; null when nothing. @throws FaultlineError BROKER_UNAVAILABLE */
export async function committedOffset(
  admin: Admin,
  { group, topic }: GroupTopic,
  partition: number,
): Promise<CommittedOffset | null> {
  try {
    const [found] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
    const entry = ofPartition(found?.partitions ?? [], partition)
    const offset = Number(entry?.offset ?? -1)
    return offset < 0 ? null : { offset, metadata: entry?.metadata ?? '' }
  } catch (error) {
    throw asBrokerUnavailable(error, `committed offsets of ${group}`)
  }
}

/** The partitions of a topic, in order; none when there is no such topic. @throws FaultlineError BROKER_UNAVAILABLE */
export async function topicPartitions(admin: Admin, topic: string): Promise<readonly number[]> {
  try {
    const known = await admin.listTopics()
    if (!known.includes(topic)) return []
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    const ids = topics[0]?.partitions.map(({ partitionId }) => partitionId) ?? []
    return ids.sort((a, b) => a - b)
  } catch (error) {
    throw asBrokerUnavailable(error, `partitions of ${topic}`)
  }
}

interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** The first offset of a partition, and the next one to be written. @throws FaultlineError BROKER_UNAVAILABLE */
export async function partitionBounds(
  admin: Admin,
  { topic, partition }: TopicPartition,
): Promise<{ first: number; end: number }> {
  try {
    const entry = ofPartition(await admin.fetchTopicOffsets(topic), partition)
    if (entry === undefined) throw new Error(`${topic} has no partition ${partition}`)
    return { first: Number(entry.low), end: Number(entry.high) }
  } catch (error) {
    throw asBrokerUnavailable(error, `offsets of ${topic}/${partition}`)
  }
}

/** The offset a partition starts at when its group has no progress. @throws FaultlineError BROKER_UNAVAILABLE */
export async function resolveStart(
  admin: Admin,
  source: TopicPartition,
  start: StartingOffsets,
): Promise<number> {
  try {
    const offsets = await admin.fetchTopicOffsets(source.topic)
    const { low, high } = ofPartition(offsets, source.partition) ?? { low: '0', high: '0' }
    switch (start.at) {
      case 'earliest':
        return Number(low)
      case 'latest':
        return Number(high)
      case 'offsets':
        return Math.min(
          Number(high),
          Math.max(Number(low), start.byPartition.get(source.partition) ?? 0),
        )
      case 'timestamp': {
        const found = await admin.fetchTopicOffsetsByTimestamp(source.topic, start.epochMs)
        const offset = Number(ofPartition(found, source.partition)?.offset ?? -1)
        return offset < 0 ? Number(high) : offset
      }
    }
  } catch (error) {
    throw asBrokerUnavailable(error, `start of ${source.topic}/${source.partition}`)
  }
}

function ofPartition<T extends { partition: number }>(
  entries: readonly T[],
  partition: number,
): T | undefined {
  return entries.find((entry) => entry.partition === partition)
}
