import type { RecordBatch } from '../ports.ts'

interface FollowedPartitionsOptions {
  /** Next offset to read by partition; a partition that is not named begins with the first batch of it. */
  readonly from?: ReadonlyMap<number, number> | undefined
  readonly onBatch: (batch: RecordBatch) => Promise<void>
  readonly onFatal: (error: unknown) => void
}

/**
 * Hands over the batches of a topic, for each partition one after the other and each where the former ended, whatever a fetch brings: after
 * a seek, or when the group had to join again, it begins elsewhere. After an error nothing new is handed over.
 */
export class FollowedPartitions {
  readonly #options: FollowedPartitionsOptions
  readonly #next: Map<number, number>
  readonly #queues = new Map<number, Promise<void>>()
  #isOver = false

  constructor(options: FollowedPartitionsOptions) {
    this.#options = options
    this.#next = new Map(options.from)
  }

  /** Resolves when the batch is done with. Rejects where it failed, or one before it. */
  deliver(batch: RecordBatch): Promise<void> {
    const done = (this.#queues.get(batch.partition) ?? Promise.resolve()).then(() =>
      this.#take(batch),
    )
    this.#queues.set(batch.partition, done)
    return done
  }

  /** Lets what is under way end and hands over nothing more. */
  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.allSettled(this.#queues.values())
  }

  async #take(batch: RecordBatch): Promise<void> {
    const firstOffset = this.#next.get(batch.partition) ?? batch.firstOffset
    if (this.#isOver || batch.nextOffset <= firstOffset) return
    const isWhole = batch.firstOffset >= firstOffset
    const records = isWhole
      ? batch.records
      : batch.records.filter(({ offset }) => offset >= firstOffset)
    try {
      await this.#options.onBatch({ ...batch, firstOffset, records })
    } catch (error) {
      this.#isOver = true
      this.#options.onFatal(error)
      throw error
    }
    this.#next.set(batch.partition, batch.nextOffset)
  }
}
