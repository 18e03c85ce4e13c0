/** What is gathered and becomes true together. Made twice and cleared for each round: it keeps its memory. */
interface PipelineBatch {
  readonly isEmpty: boolean
  clear(): void
}

interface PipelineOptions<B> {
  readonly make: () => B
  /** Called once nothing is added to the batch any more, before it waits for the one in front of it. */
  readonly seal?: (batch: B) => void
  /** Makes a batch true, or throws. */
  readonly commit: (batch: B) => Promise<void>
}

/**
 * One batch that fills while another is on its way, and no more: whoever adds records waits when both are full. That is the
 * bound of the memory, however slow the database is.
 */
export class BatchPipeline<B extends PipelineBatch> {
  readonly #options: PipelineOptions<B>
  #filling: B
  #spare: B
  #inFlight: Promise<void> = Promise.resolve()

  constructor(options: PipelineOptions<B>) {
    this.#options = options
    this.#filling = options.make()
    this.#spare = options.make()
  }

  get filling(): B {
    return this.#filling
  }

  /** The one on its way; empty where none is. */
  get onItsWay(): B {
    return this.#spare
  }

  /** Hands the filled batch over as soon as the one before it is committed. @throws what its commit threw */
  async send(): Promise<void> {
    this.#options.seal?.(this.#filling)
    await this.#inFlight
    const batch = this.#filling
    this.#filling = this.#spare
    this.#spare = batch
    this.#inFlight = this.#commit(batch)
    // The failure is reported by the next call that waits; until then it must not count as unhandled.
    this.#inFlight.catch(() => undefined)
  }

  /** Resolves when everything that was added is committed. */
  async flush(): Promise<void> {
    if (!this.#filling.isEmpty) await this.send()
    await this.#inFlight
  }

  /** Resolves when no batch is on its way any more, committed or not. */
  async settle(): Promise<void> {
    await Promise.allSettled([this.#inFlight])
  }

  /** Waits for what is on its way and forgets what is not committed. */
  async reset(): Promise<void> {
    await this.settle()
    this.#inFlight = Promise.resolve()
    this.#filling.clear()
    this.#spare.clear()
  }

  async #commit(batch: B): Promise<void> {
    await this.#options.commit(batch)
    // At once, so that what is held is what is not committed.
    batch.clear()
  }
}
