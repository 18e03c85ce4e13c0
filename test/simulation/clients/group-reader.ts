import type { Started } from '@faultline/runtime/lifecycle'
import type { PartitionHandler, PartitionReader } from '@faultline/runtime/kafka'
import type { Logger } from '@faultline/runtime/logging'
import {
  kafkajsGroupOffsets,
  partitionBounds,
} from '../../../packages/runtime/src/kafka/kafkajs/group-offsets.ts'
import { PartitionOwnership } from '../../../packages/runtime/src/kafka/partition-ownership.ts'
import type { Joined } from '../model/group-coordinator.ts'
import { BrokerError } from '../model/partition-log.ts'
import { offsetKey } from '../model/sim-broker.ts'
import type { Reply } from '../network.ts'
import type { Chance } from '../../support/chance.ts'
import type { Scheduler } from '../scheduler.ts'
import { fetch } from './fetch.ts'
import type { ClientParts } from './transaction-requests.ts'

interface ReaderParts extends ClientParts {
  readonly scheduler: Scheduler
  readonly random: Chance
  readonly group: string
  readonly topic: string
  readonly partitions: number
  readonly batchMax: number
  readonly handler: (reader: Pick<PartitionReader, 'offsets'>) => PartitionHandler
  readonly logger: Logger
  readonly onFatal: (error: unknown) => void
}

type Clients = Parameters<typeof kafkajsGroupOffsets>[0]
type Admin = Clients['admin']
type Consumer = Clients['consumer']

const heartbeatMs = 2_500

/** What the adapters in packages/runtime use of kafkajs' admin client. */
export function simAdmin({ network, process, broker }: ClientParts, partitions: number): Admin {
  const all = Array.from({ length: partitions }, (_, partition) => partition)
  const admin = {
    fetchTopicOffsets: (topic: string) =>
      network.request(process, { to: broker, name: 'ListOffsets', isRead: true }, (reply) => {
        reply.ok(
          all.map((partition) => {
            const { first, end } = broker.log(topic, partition)
            return { partition, low: String(first), high: String(end) }
          }),
        )
      }),
    fetchOffsets: ({ groupId, topics }: { groupId: string; topics: string[] }) =>
      network.request(process, { to: broker, name: 'OffsetFetch', isRead: true }, (reply) => {
        reply.ok(
          topics.map((topic) => ({
            topic,
            partitions: all.map((partition) => {
              const found = broker.committed(groupId, topic, partition)
              return {
                partition,
                offset: String(found?.offset ?? -1),
                metadata: found?.metadata ?? null,
              }
            }),
          })),
        )
      }),
  }
  return admin as unknown as Admin
}

/** A member of a group that reads a topic, as startPartitionReader does it over kafkajs' consumer. */
export function startGroupReader(parts: ReaderParts): Started<PartitionReader> {
  const member = new Member(parts)
  return { value: member, stop: () => member.stop() }
}

class Member implements PartitionReader {
  readonly #parts: ReaderParts
  readonly #ownership: PartitionOwnership
  readonly offsets
  #memberId: string | null = null
  #generation = -1
  /** Changes with every assignment. */
  #round = 0
  #isStopped = false
  readonly #position = new Map<number, number>()
  readonly #held = new Set<number>()
  readonly #wakers = new Map<number, () => void>()
  readonly #working = new Set<Promise<void>>()

  constructor(parts: ReaderParts) {
    this.#parts = parts
    const admin = simAdmin(parts, parts.partitions)
    const consumer = {
      commitOffsets: (entries: readonly CommitEntry[]) => this.#commit(entries),
    } as unknown as Consumer
    this.offsets = kafkajsGroupOffsets({ admin, consumer }, parts)
    this.#ownership = new PartitionOwnership({
      handler: parts.handler({ offsets: this.offsets }),
      defaultStart: () => Promise.resolve(0),
      bounds: (partition) => partitionBounds(admin, { topic: parts.topic, partition }),
      hold: (partition) => {
        this.#held.add(partition)
      },
      goOn: (partition, offset) => {
        this.#position.set(partition, offset)
        this.#held.delete(partition)
        this.#wakers.get(partition)?.()
      },
      clock: parts.process.clock,
      logger: parts.logger,
      onFatal: parts.onFatal,
    })
    void this.#run()
  }

  owned(): readonly number[] {
    return this.#ownership.owned()
  }

  takingOver(): readonly number[] {
    return this.#ownership.takingOver()
  }

  between(partition: number, work: () => Promise<void>): Promise<void> {
    return this.#ownership.between(partition, work)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#ownership.stop()
    const memberId = this.#memberId
    if (memberId === null) return
    const { network, process, broker, group } = this.#parts
    await network
      .request(process, { to: broker, name: 'LeaveGroup' }, (reply: Reply<null>) => {
        broker.group(group).leave(memberId)
        reply.ok(null)
      })
      .catch(() => undefined)
  }

  async #run(): Promise<void> {
    const { process, random } = this.#parts
    while (!this.#isStopped) {
      try {
        await this.#join()
      } catch (error) {
        if (error instanceof BrokerError) this.#memberId = null
        await process.clock.sleep(random.between(50, 500))
        continue
      }
      await this.#beMember()
      // kafkajs joins again once its batches are done; a client that does not wait must do no harm either.
      if (random.isTrue(0.7)) await Promise.all(this.#working)
      this.#round += 1
      for (const wake of this.#wakers.values()) wake()
    }
  }

  async #join(): Promise<void> {
    const { network, process, broker, group, topic } = this.#parts
    const memberId = this.#memberId
    const joined = await network.request(
      process,
      { to: broker, name: `JoinGroup ${topic}`, isRead: true },
      (reply: Reply<Joined>) => {
        broker.group(group).join(memberId, reply)
      },
    )
    this.#memberId = joined.memberId
    this.#generation = joined.generation
    const round = ++this.#round
    this.#position.clear()
    this.#ownership.assign(joined.partitions)
    for (const partition of joined.partitions) void this.#follow(partition, round)
  }

  /** Until the group has to be joined again. */
  async #beMember(): Promise<void> {
    const { network, process, broker, group } = this.#parts
    while (!this.#isStopped) {
      await process.clock.sleep(heartbeatMs)
      const [memberId, generation] = [this.#memberId ?? '', this.#generation]
      try {
        await network.request(
          process,
          { to: broker, name: 'Heartbeat', isRead: true },
          refusing(() => {
            broker.group(group).heartbeat(memberId, generation)
          }),
        )
      } catch (error) {
        if (!(error instanceof BrokerError)) continue
        if (error.type !== 'REBALANCE_IN_PROGRESS') this.#memberId = null
        return
      }
    }
  }

  async #follow(partition: number, round: number): Promise<void> {
    const { process, topic, batchMax, scheduler, random } = this.#parts
    const isCurrent = (): boolean => round === this.#round && !this.#isStopped
    let before = Promise.resolve()
    while (isCurrent()) {
      const from = this.#position.get(partition)
      if (from === undefined || this.#held.has(partition)) {
        await new Promise<void>((resolve) => this.#wakers.set(partition, resolve))
        continue
      }
      const max = random.between(1, batchMax)
      const fetched = await fetch(this.#parts, { topic, partition, from, max }, scheduler).catch(
        () => null,
      )
      if (fetched === null) {
        await process.clock.sleep(200)
        continue
      }
      if (!isCurrent() || this.#held.has(partition)) continue
      if (this.#position.get(partition) !== from) continue
      const { records, next: nextOffset, end: endOffset } = fetched
      this.#position.set(partition, nextOffset)
      if (records.length === 0) {
        this.#ownership.passed(partition, from, nextOffset)
        continue
      }
      const work = this.#ownership.deliver(partition, from, () => {
        return { topic, partition, records, nextOffset, endOffset }
      })
      this.#working.add(work)
      void work.then(() => this.#working.delete(work))
      // The next fetch begins while this one is worked on, never the one after it.
      await before
      before = work
    }
  }

  async #commit(entries: readonly CommitEntry[]): Promise<void> {
    const { network, process, broker, group } = this.#parts
    const [memberId, generation] = [this.#memberId ?? '', this.#generation]
    await network.request(
      process,
      { to: broker, name: 'OffsetCommit' },
      refusing(() => {
        broker.group(group).checkCommit(memberId, generation)
        for (const { topic, partition, offset, metadata } of entries) {
          const key = offsetKey(group, topic, partition)
          broker.transactions.offsets.set(key, { offset: Number(offset), metadata })
        }
      }),
    )
  }
}

interface CommitEntry {
  readonly topic: string
  readonly partition: number
  readonly offset: string
  readonly metadata: string
}

function refusing(effect: () => void) {
  return (reply: Reply<null>): void => {
    try {
      effect()
    } catch (error) {
      reply.fail(error as Error)
      return
    }
    reply.ok(null)
  }
}
