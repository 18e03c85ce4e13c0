import { Batch } from './batch.ts'

/**
 * One batch that fills while another is on its way, and no more: whoever adds records waits when both are full. That is the
 * bound of the memory, however slow the database is.
 */
export class BatchPipeline {
  readonly #commit: (batch: Batch) => Promise<void>
  #filling = new Batch()
  #spare = new Batch()
  #inFlight: Promise<void> = Promise.resolve()

  /** `commit` makes a batch true, or throws. */
  constructor(commit: (batch: Batch) => Promise<void>) {
    this.#commit = commit
  }

  get filling(): Batch {
    return this.#filling
  }

  /** Hands the filled batch over as soon as the one before it is committed. @throws what its commit threw */
  async send(): Promise<void> {
    this.#filling.seal()
    await this.#inFlight
    const batch = this.#filling
    this.#filling = this.#spare
    this.#spare = batch
    this.#filling.clear()
    this.#inFlight = this.#commit(batch)
    // The failure is reported by the next call that waits; until then it must not count as unhandled.
    this.#inFlight.catch(() => undefined)
  }

  /** Resolves when everything that was added is committed. */
  async flush(): Promise<void> {
    if (!this.#filling.isEmpty) await this.send()
    await this.#inFlight
  }

  /** Waits for what is on its way and forgets what is not committed. */
  async reset(): Promise<void> {
    await this.#inFlight.catch(() => undefined)
    this.#inFlight = Promise.resolve()
    this.#filling.clear()
    this.#spare.clear()
  }
}
