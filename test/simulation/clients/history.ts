import type { KafkaRecord, TableFeed, TopicHistory } from '@faultline/runtime/kafka'
import { asBrokerUnavailable } from '../../../packages/runtime/src/kafka/kafkajs/errors.ts'
import { partitionBounds } from '../../../packages/runtime/src/kafka/kafkajs/group-offsets.ts'
import type { Chance } from '../../support/chance.ts'
import type { Scheduler } from '../scheduler.ts'
import { fetch } from './fetch.ts'
import { simAdmin } from './group-reader.ts'
import type { ClientParts } from './transaction-requests.ts'

interface HistoryParts extends ClientParts {
  readonly scheduler: Scheduler
  readonly random: Chance
  readonly partitions: number
}

/** Reads a partition to the end it has now; the last stable offset may be below that for a while. */
export function simTopicHistory(parts: HistoryParts): TopicHistory {
  const admin = simAdmin(parts, parts.partitions)
  return {
    bounds: (topic, partition) => partitionBounds(admin, { topic, partition }),
    async replay({ topic, partition }, onRecords) {
      const { first, end } = await partitionBounds(admin, { topic, partition })
      try {
        for (let from = first; from < end;) {
          const max = parts.random.between(20, 200)
          const fetched = await fetch(parts, { topic, partition, from, max }, parts.scheduler)
          onRecords(fetched.records)
          from = fetched.next
        }
      } catch (error) {
        throw asBrokerUnavailable(error, `reading ${topic}/${partition}`)
      }
    },
  }
}

interface FeedParts extends HistoryParts {
  readonly topics: readonly string[]
  readonly onRecords: (topic: string, records: readonly KafkaRecord[]) => Promise<void>
  readonly onFatal: (error: unknown) => void
}

/** Follows the catalog from its beginning. */
export function startSimTableFeed(parts: FeedParts): TableFeed {
  const { topics, onRecords, onFatal, process, scheduler } = parts
  const next = new Map<string, number>(topics.map((topic) => [topic, 0]))
  const waiting = new Set<() => void>()
  const admin = simAdmin(parts, 1)
  for (const topic of topics) void follow(topic)

  async function follow(topic: string): Promise<void> {
    while (process.isAlive) {
      const from = next.get(topic) ?? 0
      const max = parts.random.between(1, 20)
      const fetched = await fetch(parts, { topic, partition: 0, from, max }, scheduler).catch(
        () => null,
      )
      if (fetched === null) {
        await process.clock.sleep(200)
        continue
      }
      try {
        await onRecords(topic, fetched.records)
      } catch (error) {
        onFatal(error)
        return
      }
      next.set(topic, fetched.next)
      for (const wake of [...waiting]) wake()
    }
  }

  return {
    async caughtUp() {
      const targets: [string, number][] = []
      for (const topic of topics) {
        const { end } = await partitionBounds(admin, { topic, partition: 0 })
        targets.push([topic, end])
      }
      while (!targets.every(([topic, end]) => (next.get(topic) ?? 0) >= end)) {
        const { promise, resolve } = Promise.withResolvers<undefined>()
        const wake = () => {
          resolve(undefined)
        }
        waiting.add(wake)
        await promise
        waiting.delete(wake)
      }
    },
  }
}
