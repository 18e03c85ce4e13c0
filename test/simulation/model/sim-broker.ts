import type { CommittedOffset } from '@faultline/runtime/kafka'
import { Server } from '../network.ts'
import type { Chance } from '../../support/chance.ts'
import type { Scheduler } from '../scheduler.ts'
import type { Tally } from '../tally.ts'
import { GroupCoordinator } from './group-coordinator.ts'
import { PartitionLog } from './partition-log.ts'
import { TransactionCoordinator } from './transaction-coordinator.ts'

interface BrokerParts {
  readonly scheduler: Scheduler
  readonly random: Chance
  readonly tally: Tally
  readonly partitions: number
}

const transactionTimeoutMs = 30_000

/** Kafka, as far as kafkajs 2.2.4 meets it: logs, transactions, groups. README.md says what is left out. */
export class SimBroker extends Server {
  readonly transactions: TransactionCoordinator
  readonly #parts: BrokerParts
  readonly #logs = new Map<string, PartitionLog>()
  readonly #groups = new Map<string, GroupCoordinator>()

  constructor(parts: BrokerParts) {
    super('kafka')
    this.#parts = parts
    const { scheduler, random, tally } = parts
    this.transactions = new TransactionCoordinator({
      scheduler,
      random,
      tally,
      upAt: () => this.downUntil,
      timeoutMs: transactionTimeoutMs,
    })
  }

  log(topic: string, partition: number): PartitionLog {
    const key = `${topic}/${partition}`
    let log = this.#logs.get(key)
    if (log === undefined) {
      log = new PartitionLog()
      this.#logs.set(key, log)
    }
    return log
  }

  group(name: string): GroupCoordinator {
    let group = this.#groups.get(name)
    if (group === undefined) {
      const { scheduler, tally, partitions } = this.#parts
      group = new GroupCoordinator({ scheduler, tally, partitions, upAt: () => this.downUntil })
      this.#groups.set(name, group)
    }
    return group
  }

  /** OffsetFetch v1-4: what a transaction committed and its marker did not reach yet is not told, nor that there is any. */
  committed(group: string, topic: string, partition: number): CommittedOffset | null {
    return this.transactions.offsets.get(offsetKey(group, topic, partition)) ?? null
  }

  restart(downMs: number): void {
    this.downUntil = this.#parts.scheduler.now + downMs
    for (const log of this.#logs.values()) log.wake()
  }
}

export function offsetKey(group: string, topic: string, partition: number): string {
  return `${group}/${topic}/${partition}`
}
