import { FaultlineError } from '@faultline/runtime/errors'

/** What all requests together may hold of a thing that is measured in bytes; whoever would exceed it is sent away, nobody waits. */
export class ByteBudget {
  readonly #max: number
  #held = 0

  constructor(max: number) {
    this.#max = max
  }

  get held(): number {
    return this.#held
  }

  lease(): Lease {
    let own = 0
    return {
      hold: (bytes) => {
        const more = Math.max(0, bytes - own)
        if (this.#held + more > this.#max) {
          throw new FaultlineError(
            'INGEST_BUSY',
            'as much is being taken in as memory is set aside for',
          )
        }
        this.#held += more
        own += more
      },
      release: () => {
        this.#held -= own
        own = 0
      },
    }
  }
}

/** One request's part of a budget. */
export interface Lease {
  /**
   * From now on it holds at least so much, and never less than before.
   * @throws FaultlineError INGEST_BUSY
   */
  hold(bytes: number): void
  /** Safe to repeat. */
  release(): void
}
