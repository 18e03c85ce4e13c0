/** Where something is not as the topic says. Values are texts, as a reader of that store would see them. */
export interface Difference {
  readonly store: 'redis' | 'clickhouse'
  /** The Redis key, or the table. */
  readonly key: string
  /** The field of a hash, the member of a set, an entry's field; of a table device, time and column. Empty: the key itself. */
  readonly field: string
  /** What follows from the topic; null: it should not be there. */
  readonly expected: string | null
  /** What is there; null: it is missing. */
  readonly actual: string | null
  /** `partition:offset` of the record the value comes from, where one can be named. */
  readonly at: string | null
}

/** Next offsets by partition: everything below was taken into account. */
export type OffsetVector = ReadonlyMap<number, number>

/** What an audit of one store found. */
export interface StoreAudit {
  /** The offsets at which the last comparison was made. */
  readonly offsets: OffsetVector
  /** How many of each thing were compared. */
  readonly compared: Readonly<Record<string, number>>
  /** The first differences; all of them are counted in `differenceCount`. */
  readonly differences: readonly Difference[]
  readonly differenceCount: number
  /** What could not be compared, and why, each a sentence. */
  readonly notCompared: readonly string[]
  /** False where the store could not be compared at all. */
  readonly isChecked: boolean
}

/** Told what was compared since the last call, and how many of it. */
export type OnCompared = (what: string, count: number) => void

/** The audit of a store that could not be compared at all. */
export function uncheckedAudit(why: string): StoreAudit {
  const findings = new Findings(0)
  findings.unchecked(why)
  return findings.audit(new Map())
}

/** Beyond so many differences nobody asks whether one of them was counted twice. */
const toldApartMax = 10_000

/** Gathers what an audit finds; keeps the first differences and counts the rest. Two checks may find the same one. */
export class Findings {
  readonly #max: number
  readonly #onCompared: OnCompared | undefined
  readonly #differences: Difference[] = []
  readonly #places = new Set<string>()
  readonly #compared = new Map<string, number>()
  readonly #notCompared = new Set<string>()
  #count = 0
  #isChecked = true

  constructor(differencesMax: number, onCompared?: OnCompared) {
    this.#max = differencesMax
    this.#onCompared = onCompared
  }

  add(differences: readonly Difference[]): void {
    const added = differences.filter((difference) => this.#isNew(difference))
    this.#count += added.length
    this.#differences.push(...added.slice(0, this.#max - this.#differences.length))
  }

  #isNew({ key, field, actual, at }: Difference): boolean {
    const place = JSON.stringify([key, field, actual, at])
    if (this.#places.has(place)) return false
    if (this.#places.size < toldApartMax) this.#places.add(place)
    return true
  }

  compared(what: string, count: number): void {
    this.#compared.set(what, (this.#compared.get(what) ?? 0) + count)
    this.#onCompared?.(what, count)
  }

  notCompared(why: string): void {
    this.#notCompared.add(why)
  }

  /** The store cannot be compared now. */
  unchecked(why: string): void {
    this.notCompared(why)
    this.#isChecked = false
  }

  audit(offsets: OffsetVector): StoreAudit {
    return {
      offsets,
      compared: Object.fromEntries(this.#compared),
      differences: this.#differences,
      differenceCount: this.#count,
      notCompared: [...this.#notCompared],
      isChecked: this.#isChecked,
    }
  }
}
