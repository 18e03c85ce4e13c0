/** The promises that are checked, by their number in docs/reliability.md. */
export const invariants = {
  I1: 'no committed row is lost: each is enriched, waiting or a dead letter',
  I2: 'no row takes effect twice',
  I3: "a device's rows keep their order",
  I4: 'a reader during the faults saw exactly the final sequence',
  I5: 'outputs, state and offset of a transaction are committed together',
  I6: 'derived values follow from the rows',
  I7: 'Redis equals a recount of the topic',
  I8: 'ClickHouse and its roll-ups equal the topic',
  I9: 'as_of never goes back for one reader; the live stream has no gap and no repeat',
  I11: 'memory and PostgreSQL’s log stay bounded',
  I12: 'the chain is fresh again in time, unattended; what a fault does not touch goes on',
  I13: 'writes of a former owner are refused',
  I14: 'no error without a code, no orphaned process',
} as const
export type Invariant = keyof typeof invariants

export interface Violation {
  readonly invariant: Invariant
  readonly at: string
  readonly message: string
  /** The faults that were under way, or the last one before. */
  readonly fault: string
}

/** Collects what was found; a check that fails a thousand times is kept a few times and counted. */
export class Violations {
  readonly #found: Violation[] = []
  readonly #counts = new Map<Invariant, number>()
  readonly #checks = new Map<Invariant, number>()
  readonly #describeFault: () => string
  readonly #print: (line: string) => void

  constructor(describeFault: () => string, print: (line: string) => void) {
    this.#describeFault = describeFault
    this.#print = print
  }

  get list(): readonly Violation[] {
    return this.#found
  }

  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0)
  }

  /** How often each invariant was looked at. */
  get checks(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#checks)
  }

  checked(invariant: Invariant, times = 1): void {
    this.#checks.set(invariant, (this.#checks.get(invariant) ?? 0) + times)
  }

  add(invariant: Invariant, message: string): void {
    const count = (this.#counts.get(invariant) ?? 0) + 1
    this.#counts.set(invariant, count)
    if (count > keptOfEach) return
    const violation = {
      invariant,
      at: new Date().toISOString(),
      message: message.slice(0, messageMax),
      fault: this.#describeFault(),
    }
    this.#found.push(violation)
    this.#print(`VIOLATION ${invariant} ${violation.message} [${violation.fault}]`)
  }
}

const keptOfEach = 20
const messageMax = 2_000
