import { FaultlineError } from '@faultline/runtime/errors'
import type { Clock } from '@faultline/runtime/clock'
import type { Offset } from './http/fields.ts'
import type { Progress } from './ports/progress.ts'

const waitMaxMs = 2_000
const waitersMax = 1_000

interface ProgressWaitOptions {
  readonly progress: () => Promise<Progress>
  /** Pause between two looks. */
  readonly pollMs: number
  readonly clock: Clock
}

/**
 * Waits for offsets of the enriched topic to be in a store. All waiters share one poller, so a crowd costs the store no more
 * than one caller does.
 */
export class ProgressWait {
  readonly #options: ProgressWaitOptions
  #waiters = 0
  #poll: Promise<Progress> | undefined

  constructor(options: ProgressWaitOptions) {
    this.#options = options
  }

  /**
   * What `read` gives once it holds every offset wanted. It is read again where the store fell back after the wait, to an
   * older generation or to nothing.
   * @throws FaultlineError OFFSET_NOT_REACHED after 2 s, RATE_LIMITED where a thousand callers wait already
   */
  async reading<T extends { readonly asOf: Progress }>(
    wanted: readonly Offset[],
    read: () => Promise<T>,
  ): Promise<T> {
    if (wanted.length === 0) return read()
    if (this.#waiters >= waitersMax) {
      throw new FaultlineError('RATE_LIMITED', 'Too many requests wait for an offset.')
    }
    this.#waiters += 1
    try {
      const deadline = this.#options.clock.now() + waitMaxMs
      await this.#until(wanted, deadline, await this.#options.progress())
      for (;;) {
        const answer = await read()
        if (missing(answer.asOf, wanted) === undefined) return answer
        await this.#until(wanted, deadline, answer.asOf)
      }
    } finally {
      this.#waiters -= 1
    }
  }

  async #until(wanted: readonly Offset[], deadline: number, found: Progress): Promise<void> {
    let progress = found
    for (;;) {
      const lacking = missing(progress, wanted)
      if (lacking === undefined) return
      if (this.#options.clock.now() >= deadline) throw notReached(progress, lacking)
      progress = await this.#nextPoll()
    }
  }

  #nextPoll(): Promise<Progress> {
    const { clock, pollMs, progress } = this.#options
    this.#poll ??= clock.sleep(pollMs).then(() => {
      this.#poll = undefined
      return progress()
    })
    return this.#poll
  }
}

function missing(progress: Progress, wanted: readonly Offset[]): Offset | undefined {
  return wanted.find(
    (want) =>
      !progress.some(
        ({ partition, offset }) => partition === want.partition && offset >= want.offset,
      ),
  )
}

function notReached(progress: Progress, { partition, offset }: Offset): FaultlineError {
  const applied = progress.find((position) => position.partition === partition)
  const state = applied === undefined ? 'nothing' : `offset ${applied.offset}`
  return new FaultlineError(
    'OFFSET_NOT_REACHED',
    `Partition ${partition} stands at ${state}, offset ${offset} was asked for.`,
  )
}
