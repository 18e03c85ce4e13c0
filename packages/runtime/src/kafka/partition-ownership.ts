import type { Clock } from '../clock.ts'
import { FaultlineError, messageOf } from '../errors/index.ts'
import type { Logger } from '../logging/index.ts'
import type { PartitionHandler, RecordBatch } from './ports.ts'

interface OwnershipOptions {
  readonly handler: PartitionHandler
  readonly defaultStart: (partition: number) => Promise<number>
  /** The oldest offset that still exists. */
  readonly firstOffset: (partition: number) => Promise<number>
  readonly seek: (partition: number, offset: number) => void
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
  /** Everything done for the partition, one after the other. Never rejects. */
  queue: Promise<void>
}

const retryDelayMs = { first: 100, max: 5_000 }

/**
 * Drives a PartitionHandler through assignments, independent of the Kafka client. See SPEC.md beside this file.
 *
 * An assignment takes every partition over anew, also those held before: another member may have owned them in between.
 * A batch that does not begin at the expected offset is dropped and the reader sent to that offset.
 */
export class PartitionOwnership {
  readonly #options: OwnershipOptions
  readonly #owned = new Map<number, Owned>()
  readonly #stopped = new AbortController()

  constructor(options: OwnershipOptions) {
    this.#options = options
  }

  /** Partitions that are ready to process. */
  owned(): readonly number[] {
    return [...this.#owned].filter(([, { next }]) => next !== null).map(([partition]) => partition)
  }

  /** The group assigned these partitions to us, and no others. */
  assign(partitions: readonly number[]): void {
    for (const partition of this.#owned.keys()) this.#options.handler.release(partition)
    this.#owned.clear()
    if (this.#stopped.signal.aborted) return
    for (const partition of partitions) {
      const owned: Owned = { next: null, handedUntil: 0, queue: Promise.resolve() }
      this.#owned.set(partition, owned)
      void this.#enqueue(partition, owned, () => this.#takeOver(partition, owned))
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
    await this.#enqueue(partition, owned, async () => {
      if (owned.next === null) await this.#takeOver(partition, owned)
      if (owned.next === null) return
      if (fetchedOffset !== owned.next) {
        this.#options.seek(partition, owned.next)
        return
      }
      const { nextOffset, ...rest } = batch()
      await this.#rewinding(partition, owned, async () => {
        await this.#options.handler.process({ ...rest, firstOffset: owned.handedUntil, nextOffset })
        owned.next = nextOffset
        owned.handedUntil = nextOffset
      })
    })
  }

  /** The reader passed over offsets that hold no record for us (markers, aborted records). */
  passed(partition: number, fetchedOffset: number, nextOffset: number): void {
    const owned = this.#owned.get(partition)
    if (owned?.next === fetchedOffset) owned.next = nextOffset
  }

  async between(partition: number, work: () => Promise<void>): Promise<void> {
    const owned = this.#owned.get(partition)
    if (owned === undefined) return
    await this.#enqueue(partition, owned, async () => {
      if (owned.next !== null) await this.#rewinding(partition, owned, work)
    })
  }

  /** Lets what is under way end and accepts nothing more. */
  async stop(): Promise<void> {
    this.#stopped.abort()
    await Promise.all([...this.#owned.values()].map(({ queue }) => queue))
    for (const partition of this.#owned.keys()) this.#options.handler.release(partition)
    this.#owned.clear()
  }

  /** One after the other for a partition; an error that is not a rewind ends the process. */
  #enqueue(partition: number, owned: Owned, work: () => Promise<void>): Promise<void> {
    const run = owned.queue.then(async () => {
      if (this.#stopped.signal.aborted || this.#owned.get(partition) !== owned) return
      await work()
    })
    owned.queue = run.catch((error: unknown) => {
      if (this.#stopped.signal.aborted) return
      this.#stopped.abort()
      this.#options.onFatal(error)
    })
    return owned.queue
  }

  async #rewinding(partition: number, owned: Owned, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!(error instanceof FaultlineError) || error.disposition !== 'rewind') throw error
      this.#options.logger.warn(
        { partition, reason: messageOf(error) },
        'taking the partition over again',
      )
      owned.next = null
      this.#options.handler.release(partition)
      await this.#takeOver(partition, owned)
    }
  }

  /** Going on behind a gap would lose records silently. */
  async #refuseExpired(partition: number, next: number): Promise<void> {
    const first = await this.#options.firstOffset(partition)
    if (next >= first) return
    throw new FaultlineError(
      'RECORDS_EXPIRED',
      `partition ${partition} continues at offset ${next}, but the topic now begins at ${first}`,
      {
        remedy:
          "Records expired unread: rebuild from what is left, or lengthen the topic's retention.",
      },
    )
  }

  /** Retries while the broker or a store is away; the partition waits, others go on. */
  async #takeOver(partition: number, owned: Owned): Promise<void> {
    const { handler, clock, logger, seek, defaultStart } = this.#options
    for (let delayMs = retryDelayMs.first; ; delayMs = Math.min(delayMs * 2, retryDelayMs.max)) {
      if (this.#stopped.signal.aborted || this.#owned.get(partition) !== owned) return
      try {
        const next = (await handler.takeOver(partition)) ?? (await defaultStart(partition))
        await this.#refuseExpired(partition, next)
        owned.next = next
        owned.handedUntil = next
        seek(partition, next)
        return
      } catch (error) {
        if (!(error instanceof FaultlineError) || !['retry', 'rewind'].includes(error.disposition))
          throw error
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
