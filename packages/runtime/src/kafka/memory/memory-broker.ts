import { FaultlineError } from '../../errors/index.ts'
import type {
  CommittedOffset,
  GroupOffsets,
  KafkaRecord,
  TopicHistory,
  Transaction,
  TransactionalProducer,
  TransactionalProducers,
} from '../ports.ts'

/** What a commit attempt comes to, for tests of failure. */
export type CommitFate = 'commit' | 'lose the reply' | 'abort'

/**
 * Kafka in memory, for tests: partitions, transactions with fencing by transactional id, group offsets. It keeps what the
 * real broker keeps of them: a transaction marker takes an offset, and readers see committed records only.
 */
export class MemoryBroker {
  readonly #logs = new Map<string, { records: KafkaRecord[]; end: number }>()
  readonly #epochs = new Map<string, number>()
  readonly #committed = new Map<string, CommittedOffset>()
  readonly #waiting = new Set<() => void>()
  /** Decides what the next commits come to. */
  fate: () => CommitFate = () => 'commit'

  append(
    topic: string,
    partition: number,
    record: Pick<KafkaRecord, 'key' | 'value' | 'headers'>,
  ): number {
    const log = this.#log(topic, partition)
    const offset = log.end++
    log.records.push({ ...record, timestampMs: offset, offset })
    this.wake()
    return offset
  }

  /** Records from an offset on, and the end of the log. */
  read(topic: string, partition: number, from: number): { records: KafkaRecord[]; end: number } {
    const { records, end } = this.#log(topic, partition)
    return { records: records.filter(({ offset }) => offset >= from), end }
  }

  /** Resolves at the next append or commit. */
  changed(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve))
  }

  groupOffsets(group: string, topic: string): GroupOffsets {
    const key = (partition: number) => `${group}/${topic}/${partition}`
    return {
      committed: (partition) => Promise.resolve(this.#committed.get(key(partition)) ?? null),
      commit: (partition, committed) => {
        this.#committed.set(key(partition), committed)
        return Promise.resolve()
      },
    }
  }

  history(): TopicHistory {
    return {
      replay: async ({ topic, partition, from = 0, to = Number.MAX_SAFE_INTEGER }, onRecords) => {
        const { records } = this.read(topic, partition, from)
        await onRecords(records.filter(({ offset }) => offset < to))
      },
      bounds: (topic, partition) => {
        const { records, end } = this.#log(topic, partition)
        return Promise.resolve({ first: records[0]?.offset ?? 0, end })
      },
    }
  }

  transactionalProducers(): TransactionalProducers {
    return {
      open: (transactionalId) => {
        const epoch = (this.#epochs.get(transactionalId) ?? 0) + 1
        this.#epochs.set(transactionalId, epoch)
        return Promise.resolve(this.#producer(transactionalId, epoch))
      },
    }
  }

  #producer(transactionalId: string, epoch: number): TransactionalProducer {
    let spent = false
    return {
      plan: () => undefined,
      commit: (transaction) => {
        if (spent) return Promise.reject(new Error('the producer was used after a failure'))
        if (this.#epochs.get(transactionalId) !== epoch) {
          spent = true
          return Promise.reject(new FaultlineError('PRODUCER_FENCED', 'a newer owner exists'))
        }
        const fate = this.fate()
        if (fate !== 'abort') this.#apply(transaction)
        if (fate === 'commit') return Promise.resolve()
        spent = true
        return Promise.reject(new FaultlineError('TRANSACTION_ABORTED', fate))
      },
      close: () => {
        spent = true
        return Promise.resolve()
      },
    }
  }

  #apply({ partition, records, consumed }: Transaction): void {
    const touched = new Set<string>()
    for (const { topic, ...record } of records) {
      this.append(topic, partition, record)
      touched.add(topic)
    }
    for (const topic of touched) this.#log(topic, partition).end++
    if (consumed !== null) {
      this.#committed.set(`${consumed.group}/${consumed.topic}/${partition}`, {
        offset: consumed.nextOffset,
        metadata: '',
      })
    }
    this.wake()
  }

  #log(topic: string, partition: number) {
    const key = `${topic}/${partition}`
    let log = this.#logs.get(key)
    if (log === undefined) {
      log = { records: [], end: 0 }
      this.#logs.set(key, log)
    }
    return log
  }

  /** Lets everyone who waits for a change look again. */
  wake(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }
}
