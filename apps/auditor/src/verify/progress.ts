import { timeLeft } from '@faultline/runtime/lifecycle'

const numbers = new Intl.NumberFormat('en')

/** How far verify is: the topic is read first, then each store is compared. */
export class VerifyProgress {
  readonly #records: () => number
  readonly #recordsInAll: number
  #store = ''
  #counts = new Map<string, number>()
  #devices: number | null = null
  #sinceMs = 0

  /** @param records read so far, of `recordsInAll` */
  constructor(records: () => number, recordsInAll: number) {
    this.#records = records
    this.#recordsInAll = recordsInAll
  }

  /** From now on a store is compared. @param devices it has, where each is looked at as long as the next */
  begin(store: string, devices: number | null, nowMs: number): void {
    this.#store = store
    this.#counts = new Map()
    this.#devices = devices
    this.#sinceMs = nowMs
  }

  compared(what: string, count: number): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + count)
  }

  describe(nowMs: number): string {
    const elapsedMs = nowMs - this.#sinceMs
    if (this.#counts.size === 0) {
      const [done, of] = [this.#records(), this.#recordsInAll]
      return `reading the topic: ${numbers.format(done)} of ${numbers.format(of)} offsets${timeLeft({ done, of, elapsedMs })}`
    }
    const counts = [...this.#counts].map(([what, count]) => `${numbers.format(count)} ${what}`)
    const of = this.#devices
    const done = this.#counts.get('devices') ?? 0
    const left = of === null ? '' : timeLeft({ done, of, elapsedMs })
    return `${this.#store}: ${counts.join(', ')}${left}`
  }
}
