/** Something with a life: business code sees only `value`; the pair start/stop stays with the owner. */
export interface Started<T> {
  readonly value: T
  stop(): Promise<void>
}

/**
 * Starts components in order and stops them in reverse. A failed start stops what had started. Every stop runs, whatever
 * the others do; their errors come together in one AggregateError. A second `stop` joins the first.
 */
export class Scope {
  readonly #stops: { name: string; stop: () => Promise<void> }[] = []
  #stopping: Promise<void> | undefined

  async start<T>(name: string, start: () => Promise<Started<T>>): Promise<T> {
    try {
      const started = await start()
      this.#stops.push({ name, stop: () => started.stop() })
      return started.value
    } catch (error) {
      // What fails while stopping comes to whoever stops the scope, and must not hide why the start failed.
      await this.stop().catch(() => undefined)
      throw error
    }
  }

  /** Registers a clean-up that runs at its place in the reverse order. */
  defer(name: string, stop: () => Promise<void>): void {
    this.#stops.push({ name, stop })
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll()
    return this.#stopping
  }

  async #stopAll(): Promise<void> {
    const errors: unknown[] = []
    for (const { stop } of this.#stops.toReversed()) {
      try {
        await stop()
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, 'not everything stopped cleanly')
  }
}
