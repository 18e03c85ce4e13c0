import type { CommittedOffset } from '@faultline/runtime/kafka'
import type { Reply } from '../network.ts'
import type { Chance } from '../../support/chance.ts'
import type { Scheduler } from '../scheduler.ts'
import type { Tally } from '../tally.ts'
import { BrokerError, type PartitionLog, type Producer } from './partition-log.ts'

/** A transactional id. */
interface Holder {
  readonly id: number
  epoch: number
  state: 'empty' | 'ongoing' | 'ending'
  /** What EndTxn may be asked again for. */
  lastEnd: 'commit' | 'abort' | null
  readonly logs: Set<PartitionLog>
  hasOffsets: boolean
  /** Counts the transactions of the run. */
  transaction: number
  readonly waiting: (() => void)[]
}

/** Offsets of a transaction, in the log of offsets but not in force. */
interface PendingOffset {
  readonly key: string
  readonly offset: number
  readonly transaction: number
}

/** A transaction that was committed, for the checks. */
export interface CommittedTransaction {
  readonly serial: number
  readonly key: string
  readonly nextOffset: number
}

interface CoordinatorParts {
  readonly scheduler: Scheduler
  readonly random: Chance
  readonly tally: Tally
  /** The coordinator is a broker like others: nothing happens while it is away. */
  readonly upAt: () => number
  readonly timeoutMs: number
}

/**
 * Transactions as the broker keeps them for clients without Transactions V2: an epoch for each transactional id, and no
 * number of the transaction in EndTxn, so a late one ends whatever is open under its epoch. Markers reach the partitions, and
 * the group's offsets, one by one and after the answer to EndTxn.
 */
export class TransactionCoordinator {
  readonly #parts: CoordinatorParts
  readonly #holders = new Map<string, Holder>()
  readonly #pending = new Map<number, PendingOffset[]>()
  /** Epochs that the log of offsets has seen. */
  readonly #offsetEpochs = new Map<number, number>()
  readonly offsets = new Map<string, CommittedOffset>()
  readonly committed: CommittedTransaction[] = []
  #nextTransaction = 1
  /** How likely a marker takes seconds instead of milliseconds. */
  slowMarkers = 0

  constructor(parts: CoordinatorParts) {
    this.#parts = parts
  }

  /** Fences whoever has the id, ends what it left open, and answers when that is done. */
  initProducer(transactionalId: string, reply: Reply<Producer>): void {
    const holder = this.#holder(transactionalId)
    if (holder.state === 'ending') {
      holder.waiting.push(() => {
        this.initProducer(transactionalId, reply)
      })
      return
    }
    holder.epoch += 1
    if (holder.state === 'ongoing') {
      this.#parts.tally.add('transaction aborted by a successor')
      holder.waiting.push(() => {
        this.initProducer(transactionalId, reply)
      })
      this.#end(holder, false)
      return
    }
    holder.lastEnd = null
    reply.ok({ id: holder.id, epoch: holder.epoch })
  }

  addPartitions(
    transactionalId: string,
    producer: Producer,
    logs: readonly PartitionLog[],
  ): number {
    const holder = this.#begun(transactionalId, producer)
    for (const log of logs) holder.logs.add(log)
    return holder.transaction
  }

  addOffsets(transactionalId: string, producer: Producer): number {
    const holder = this.#begun(transactionalId, producer)
    holder.hasOffsets = true
    return holder.transaction
  }

  /** TxnOffsetCommit v0-1: no member, no generation; the epoch is all that is looked at. */
  commitOffset(producer: Producer, key: string, offset: number, transaction: number): void {
    if (producer.epoch < (this.#offsetEpochs.get(producer.id) ?? 0)) this.#refuse()
    this.#offsetEpochs.set(producer.id, producer.epoch)
    const pending = this.#pending.get(producer.id) ?? []
    this.#pending.set(producer.id, pending)
    pending.push({ key, offset, transaction })
  }

  endTransaction(transactionalId: string, producer: Producer, isCommit: boolean): void {
    const holder = this.#current(transactionalId, producer)
    if (holder.state === 'ending') throw new BrokerError('CONCURRENT_TRANSACTIONS')
    if (holder.state === 'empty') {
      if (holder.lastEnd === (isCommit ? 'commit' : 'abort')) return
      throw new BrokerError('INVALID_TXN_STATE')
    }
    this.#end(holder, isCommit)
  }

  /** Whether an offset was committed that is not in force yet. */
  get isSettled(): boolean {
    return [...this.#holders.values()].every(({ state }) => state !== 'ending')
  }

  #begun(transactionalId: string, producer: Producer): Holder {
    const holder = this.#current(transactionalId, producer)
    if (holder.state === 'ending') throw new BrokerError('CONCURRENT_TRANSACTIONS')
    if (holder.state === 'empty') {
      holder.state = 'ongoing'
      holder.transaction = this.#nextTransaction++
      const { transaction, epoch } = holder
      this.#parts.scheduler.after(this.#parts.timeoutMs, () => {
        if (holder.transaction !== transaction || holder.epoch !== epoch) return
        if (holder.state !== 'ongoing') return
        this.#parts.tally.add('transaction timed out')
        holder.epoch += 1
        this.#end(holder, false)
      })
    }
    return holder
  }

  #end(holder: Holder, isCommit: boolean): void {
    holder.state = 'ending'
    holder.lastEnd = isCommit ? 'commit' : 'abort'
    const producer = { id: holder.id, epoch: holder.epoch }
    const marks = [...holder.logs].map((log) => () => {
      log.mark(producer, isCommit)
    })
    if (holder.hasOffsets) {
      marks.push(() => {
        this.#markOffsets(producer, isCommit)
      })
    }
    holder.logs.clear()
    holder.hasOffsets = false
    let left = marks.length
    const done = (): void => {
      if (--left > 0) return
      holder.state = 'empty'
      for (const wake of holder.waiting.splice(0)) wake()
    }
    if (marks.length === 0) {
      left = 1
      done()
    }
    for (const mark of marks) this.#whenUp(mark, done)
  }

  #whenUp(mark: () => void, done: () => void): void {
    const { scheduler, random, upAt, tally } = this.#parts
    const isSlow = random.isTrue(this.slowMarkers)
    if (isSlow) tally.add('marker late')
    scheduler.after(isSlow ? random.between(100, 5_000) : random.skewed(0.1, 10), () => {
      if (upAt() > scheduler.now) {
        scheduler.after(upAt() - scheduler.now, () => {
          this.#whenUp(mark, done)
        })
        return
      }
      mark()
      done()
    })
  }

  #markOffsets(producer: Producer, isCommit: boolean): void {
    this.#offsetEpochs.set(producer.id, producer.epoch)
    const pending = this.#pending.get(producer.id) ?? []
    this.#pending.delete(producer.id)
    if (!isCommit) return
    for (const { key, offset, transaction } of pending) {
      this.offsets.set(key, { offset, metadata: '' })
      this.committed.push({ serial: transaction, key, nextOffset: offset })
    }
  }

  #current(transactionalId: string, producer: Producer): Holder {
    const holder = this.#holder(transactionalId)
    if (holder.id !== producer.id) throw new BrokerError('INVALID_PRODUCER_ID_MAPPING')
    if (producer.epoch !== holder.epoch) this.#refuse()
    return holder
  }

  #refuse(): never {
    this.#parts.tally.add('refused: producer epoch')
    throw new BrokerError('INVALID_PRODUCER_EPOCH')
  }

  #holder(transactionalId: string): Holder {
    let holder = this.#holders.get(transactionalId)
    if (holder === undefined) {
      holder = {
        id: this.#holders.size + 1,
        epoch: -1,
        state: 'empty',
        lastEnd: null,
        logs: new Set(),
        hasOffsets: false,
        transaction: 0,
        waiting: [],
      }
      this.#holders.set(transactionalId, holder)
    }
    return holder
  }
}
