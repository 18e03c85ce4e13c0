import type { Scheduler } from './scheduler.ts'

/** What happened, line by line, for the one seed that is looked at. */
export class Trace {
  readonly isOn: boolean
  readonly #scheduler: Scheduler
  readonly #print: (line: string) => void

  constructor(scheduler: Scheduler, print: ((line: string) => void) | null) {
    this.isOn = print !== null
    this.#scheduler = scheduler
    this.#print = print ?? (() => undefined)
  }

  write(who: string, what: string, how: unknown): void {
    if (!this.isOn) return
    const seconds = ((this.#scheduler.now % 86_400_000) / 1_000).toFixed(3).padStart(9)
    const text = typeof how === 'string' ? how : JSON.stringify(how)
    this.#print(`${seconds} ${who.padEnd(12)} ${what} ${text}`)
  }
}
