import type { Clock } from '@faultline/runtime/clock'
import type { Scheduler } from './scheduler.ts'

/**
 * One running instance of an application. It reaches the world, and the world reaches it, only through here: a killed
 * process is never told anything again and what it would say is not heard; a paused one is told everything when it wakes
 * up, which is what makes it a zombie.
 */
export class SimProcess {
  readonly name: string
  readonly #scheduler: Scheduler
  readonly #onEnd: (reason: unknown) => void
  isAlive = true
  pausedUntil = 0
  /** Nothing it sends arrives, and nothing reaches it, until then. */
  cutOffUntil = 0
  /** It is killed at this many requests from now; null for never. */
  requestsLeft: number | null = null
  /** How far its clock is ahead of the others'. */
  clockAheadMs = 0

  constructor(name: string, scheduler: Scheduler, onEnd: (reason: unknown) => void) {
    this.name = name
    this.#scheduler = scheduler
    this.#onEnd = onEnd
  }

  readonly clock: Clock = {
    now: () => Math.floor(this.#scheduler.now) + this.clockAheadMs,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const abort = (): void => {
          reject(signal?.reason as Error)
        }
        if (signal?.aborted === true) {
          abort()
          return
        }
        signal?.addEventListener('abort', abort, { once: true })
        this.#scheduler.after(ms, () => {
          this.deliver(() => {
            signal?.removeEventListener('abort', abort)
            resolve()
          })
        })
      }),
  }

  deliver(run: () => void): void {
    if (!this.isAlive) return
    if (this.#scheduler.now < this.pausedUntil) {
      this.#scheduler.after(this.pausedUntil - this.#scheduler.now, () => {
        this.deliver(run)
      })
    } else run()
  }

  /** The end of the process, by whatever reason; its supervisor hears of it. */
  kill(reason: unknown): void {
    if (!this.isAlive) return
    this.isAlive = false
    this.#onEnd(reason)
  }
}
