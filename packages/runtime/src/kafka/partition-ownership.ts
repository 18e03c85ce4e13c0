import type { Clock } from '../clock.ts'
import { FaultlineError, messageOf } from '../errors/index.ts'
import type { Logger } from '../logging/index.ts'
import type { PartitionHandler, RecordBatch } from './ports.ts'

interface OwnershipOptions {
  readonly handler: PartitionHandler
  readonly defaultStart: (partition: number) => Promise<number>
  /** The oldest offset that still exists, and the next one to be written. */
  readonly bounds: (partition: number) => Promise<{ readonly first: number; readonly end: number }>
  /** Nothing is to be fetched for the partition until `goOn`. */
  readonly hold: (partition: number) => void
  /** Fetching goes on at this offset. */
  readonly goOn: (partition: number, offset: number) => void
  readonly clock: Clock
  readonly logger: Logger
  readonly onFatal: (error: unknown) => void
}

/** One partition of the current assignment. */
interface Owned {
  /** Where the next fetch has to begin; null while the partition is being taken over. */
  next: number | null
  /** Up to where batches were handed over; behind `next` where the reader passed markers since. */
  handedUntil: number
  /** Rewinds in a row of either kind of work. */
  readonly rewinds: Record<Work, number>
}

type Work = 'batch' | 'between'

const retryDelayMs = { first: 100, max: 5_000 }
/**
 * How long a partition that a newer owner took is left alone: longer than it takes to learn of a rebalance, also for a process
 * that was stopped meanwhile. If it is still ours then, the newer owner was a former assignment's or is gone.
 */
const stepAsideMs = 10_000
/** Work that fails this often in a row, with every takeOver in between succeeding, will not succeed the next time. */
const rewindsMax = 8

/**
 * Drives a PartitionHandler through assignments, independent of the Kafka client. See SPEC.md beside this file.
 *
 * An assignment takes every partition over anew, also those held before: another member may have owned them in between.
 * A batch that does not begin at the expected offset is dropped and the reader sent to that offset.
 */
export class PartitionOwnership {
  readonly #options: OwnershipOptions
  readonly #owned = new Map<number, Owned>()
  /** What is done for a partition, one after the other, across assignments. Never rejects. */
  readonly #queues = new Map<number, Promise<void>>()
  readonly #stopped = new AbortController()

  constructor(options: OwnershipOptions) {
    this.#options = options
  }

  /** Partitions that are ready to process. */
  owned(): readonly number[] {
    return [...this.#owned].filter(([, { next }]) => next !== null).map(([partition]) => partition)
  }

  /** Partitions assigned to us that are still being taken over: nothing of theirs is processed. */
  takingOver(): readonly number[] {
    return [...this.#owned].filter(([, { next }]) => next === null).map(([partition]) => partition)
  }

  /** The group assigned these partitions to us, and no others. */
  assign(partitions: readonly number[]): void {
    const former = [...this.#owned.keys()]
    this.#owned.clear()
    if (this.#stopped.signal.aborted) return
    for (const partition of partitions) this.#options.hold(partition)
    for (const partition of former) this.#releaseInTurn(partition)
    for (const partition of partitions) {
      const owned: Owned = { next: null, handedUntil: 0, rewinds: { batch: 0, between: 0 } }
      this.#owned.set(partition, owned)
      void this.#inTurn(partition, owned, () => this.#takeOver(partition, owned))
    }
  }

  /** Hands over what a fetch brought. Resolves when it is processed or dropped. */
  async deliver(
    partition: number,
    fetchedOffset: number,
    batch: () => Omit<RecordBatch, 'firstOffset'>,
  ): Promise<void> {
    const owned = this.#owned.get(partition)
    if (owned === undefined) return
    await this.#inTurn(partition, owned, async () => {
      if (owned.next === null) return
      if (fetchedOffset !== owned.next) {
        await this.#refuseOutside(partition, owned.next)
        this.#options.goOn(partition, owned.next)
        return
      }
      const { nextOffset, ...rest } = batch()
      await this.#rewinding(partition, owned, 'batch', async () => {
        await this.#options.handler.process({ ...rest, firstOffset: owned.handedUntil, nextOffset })
        owned.next = nextOffset
        owned.handedUntil = nextOffset
        // Not the other way round: work between batches may succeed for ever while a batch does not.
        owned.rewinds.between = 0
      })
    })
  }

  /** The reader passed over offsets that hold no record for us (markers, aborted records). */
  passed(partition: number, fetchedOffset: number, nextOffset: number): void {
    const owned = this.#owned.get(partition)
    if (owned === undefined) return
    // In turn, because the batch before may still be worked on.
    void this.#inTurn(partition, owned, () => {
      if (owned.next === fetchedOffset) owned.next = nextOffset
      return Promise.resolve()
    })
  }

  async between(partition: number, work: () => Promise<void>): Promise<void> {
    const owned = this.#owned.get(partition)
    if (owned === undefined) return
    await this.#inTurn(partition, owned, async () => {
      if (owned.next !== null) await this.#rewinding(partition, owned, 'between', work)
    })
  }

  /** Lets what is under way end and accepts nothing more. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    const partitions = [...this.#queues.keys()]
    this.#owned.clear()
    await Promise.all(this.#queues.values())
    for (const partition of partitions) this.#options.handler.release(partition)
  }

  #isCurrent(partition: number, owned: Owned): boolean {
    return !this.#stopped.signal.aborted && this.#owned.get(partition) === owned
  }

  /** Work of an assignment; skipped when the assignment is no longer ours by then. */
  #inTurn(partition: number, owned: Owned, work: () => Promise<void>): Promise<void> {
    const run = this.#queue(partition).then(async () => {
      if (this.#isCurrent(partition, owned)) await work()
    })
    return this.#append(partition, run, (error) => {
      // What a former assignment's work fails with, its successor's takeOver has made good already.
      if (this.#isCurrent(partition, owned)) this.#fatal(error)
      else this.#options.logger.warn({ partition, reason: messageOf(error) }, 'former work failed')
    })
  }

  #releaseInTurn(partition: number): void {
    const run = this.#queue(partition).then(() => {
      this.#options.handler.release(partition)
    })
    void this.#append(partition, run, (error) => {
      this.#fatal(error)
    })
  }

  #queue(partition: number): Promise<void> {
    return this.#queues.get(partition) ?? Promise.resolve()
  }

  #append(partition: number, run: Promise<void>, onError: (error: unknown) => void): Promise<void> {
    const tail = run.catch(onError)
    this.#queues.set(partition, tail)
    return tail
  }

  #fatal(error: unknown): void {
    if (this.#stopped.signal.aborted) return
    this.#stopped.abort()
    this.#options.onFatal(error)
  }

  async #rewinding(
    partition: number,
    owned: Owned,
    kind: Work,
    work: () => Promise<void>,
  ): Promise<void> {
    try {
      await work()
      owned.rewinds[kind] = 0
    } catch (error) {
      if (!(error instanceof FaultlineError)) throw error
      if (error.disposition !== 'rewind' && error.disposition !== 'step-aside') throw error
      if (!this.#isCurrent(partition, owned)) throw error
      const rewinds = ++owned.rewinds[kind]
      if (rewinds > rewindsMax) throw error
      if (error.disposition === 'step-aside') {
        this.#stepAside(partition, owned, error)
        return
      }
      const delayMs = Math.min(retryDelayMs.first * 2 ** (rewinds - 1), retryDelayMs.max)
      const { handler, hold, logger, clock } = this.#options
      logger.warn({ partition, reason: messageOf(error), delayMs }, 'taking over again')
      owned.next = null
      hold(partition)
      handler.release(partition)
      await clock.sleep(delayMs, this.#stopped.signal).catch(() => undefined)
      await this.#takeOver(partition, owned)
    }
  }

  /**
   * Taking over at once would fence the newer owner in turn, and two members would fight. Not waited for here: the reader
   * must get its batch back, or it could not join the group again and learn who owns the partition.
   */
  #stepAside(partition: number, owned: Owned, error: FaultlineError): void {
    const { handler, hold, logger, clock } = this.#options
    logger.warn({ partition, reason: error.message, delayMs: stepAsideMs }, 'stepping aside')
    owned.next = null
    hold(partition)
    handler.release(partition)
    void clock
      .sleep(stepAsideMs, this.#stopped.signal)
      .catch(() => undefined)
      .then(() => this.#inTurn(partition, owned, () => this.#takeOver(partition, owned)))
  }

  /** Going on behind a gap would lose records silently, and so would waiting beyond the end for offsets to come. */
  async #refuseOutside(partition: number, next: number): Promise<void> {
    const { first, end } = await this.#options.bounds(partition)
    if (next < first) {
      throw new FaultlineError(
        'RECORDS_EXPIRED',
        `partition ${partition} continues at offset ${next}, but the topic now begins at ${first}`,
        {
          remedy:
            "Records expired unread: rebuild from what is left, or lengthen the topic's retention.",
        },
      )
    }
    if (next > end) {
      throw new FaultlineError(
        'POSITION_UNKNOWN',
        `partition ${partition} continues at offset ${next}, but the topic ends at ${end}`,
        {
          remedy:
            'The topic was made anew or lost its end: empty the store that holds the position, then let it fill again.',
        },
      )
    }
  }

  /** Retries while the broker or a store is away; the partition waits, others go on. */
  async #takeOver(partition: number, owned: Owned): Promise<void> {
    const { handler, clock, logger, goOn, defaultStart } = this.#options
    for (let delayMs = retryDelayMs.first; ; delayMs = Math.min(delayMs * 2, retryDelayMs.max)) {
      if (!this.#isCurrent(partition, owned)) return
      try {
        const next = (await handler.takeOver(partition)) ?? (await defaultStart(partition))
        await this.#refuseOutside(partition, next)
        if (!this.#isCurrent(partition, owned)) return
        owned.next = next
        owned.handedUntil = next
        goOn(partition, next)
        return
      } catch (error) {
        const canRetry =
          error instanceof FaultlineError &&
          ['retry', 'rewind', 'step-aside'].includes(error.disposition)
        if (!canRetry) throw error
        logger.warn(
          { partition, reason: messageOf(error), delayMs },
          'taking over failed; trying again',
        )
        handler.release(partition)
        await clock.sleep(delayMs, this.#stopped.signal).catch(() => undefined)
      }
    }
  }
}
