import { FaultlineError } from '@faultline/runtime/errors'
import type { Clock } from '@faultline/runtime/clock'
import type { Offset } from './http/fields.ts'
import type { Progress, ServingReader } from './ports/serving-reader.ts'

const waitMaxMs = 2_000
const pollMs = 10
const waitersMax = 1_000

/**
 * Waits for an offset of the enriched topic to be applied. All waiters share one poller, so a crowd costs Redis no more than
 * one caller does.
 */
export class ProgressWait {
  readonly #serving: ServingReader
  readonly #clock: Clock
  #waiters = 0
  #poll: Promise<Progress> | undefined

  constructor(serving: ServingReader, clock: Clock) {
    this.#serving = serving
    this.#clock = clock
  }

  /**
   * @throws FaultlineError OFFSET_NOT_REACHED after 2 s, RATE_LIMITED where a thousand callers wait already
   */
  async until(wanted: Offset | undefined): Promise<void> {
    if (wanted === undefined) return
    if (this.#waiters >= waitersMax) {
      throw new FaultlineError('RATE_LIMITED', 'Too many requests wait for an offset.')
    }
    this.#waiters += 1
    try {
      await this.#wait(wanted)
    } finally {
      this.#waiters -= 1
    }
  }

  async #wait(wanted: Offset): Promise<void> {
    const deadline = this.#clock.now() + waitMaxMs
    let progress = await this.#serving.progress()
    while (!reached(progress, wanted)) {
      if (this.#clock.now() >= deadline) {
        const applied = progress.find(({ partition }) => partition === wanted.partition)
        const state = applied === undefined ? 'nothing' : `offset ${applied.offset}`
        throw new FaultlineError(
          'OFFSET_NOT_REACHED',
          `Partition ${wanted.partition} stands at ${state}, offset ${wanted.offset} was asked for.`,
        )
      }
      progress = await this.#nextPoll()
    }
  }

  #nextPoll(): Promise<Progress> {
    this.#poll ??= this.#clock.sleep(pollMs).then(() => {
      this.#poll = undefined
      return this.#serving.progress()
    })
    return this.#poll
  }
}

function reached(progress: Progress, wanted: Offset): boolean {
  return progress.some(
    ({ partition, offset }) => partition === wanted.partition && offset >= wanted.offset,
  )
}
