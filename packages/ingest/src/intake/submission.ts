import type { RejectionReason } from '../files/loadable.ts'
import type { Line } from '../files/lines.ts'
import { MeasurementBatch } from '../measurements/index.ts'
import type { ItemReader } from './item.ts'

export interface ItemError {
  /** Place of the item among those given, from 0. */
  readonly index: number
  readonly code: RejectionReason
  readonly detail: string
}

/** Errors that are told with their reason; of the others only which items they are. */
const errorsMax = 100
const firstBytes = 1_024

/** What one caller gives at once: its rows, ready for PostgreSQL, and what of it was refused. */
export class Submission {
  readonly rows = new MeasurementBatch(firstBytes)
  /** Places of all the items that were refused. */
  readonly refused: number[] = []
  /** Why, of the first of them. */
  readonly errors: ItemError[] = []
  /** How many items were refused for which reason. */
  readonly reasons = new Map<RejectionReason, number>()
  #items = 0
  readonly #reader: ItemReader

  constructor(reader: ItemReader) {
    this.#reader = reader
  }

  get items(): number {
    return this.#items
  }

  /** Takes one item as JSON gave it. */
  add(item: unknown): void {
    const outcome = this.#reader.read(item)
    if ('reason' in outcome) this.#reject(outcome.reason, outcome.detail)
    else this.rows.append(outcome)
    this.#items += 1
  }

  /** Takes a line of NDJSON. */
  addLine({ text }: Line): void {
    let item: unknown
    try {
      if (text === undefined) throw new SyntaxError('not UTF-8')
      item = JSON.parse(text)
    } catch {
      this.#reject('TEXT_INVALID', 'the line is not JSON in UTF-8 of at most 1 MiB')
      this.#items += 1
      return
    }
    this.add(item)
  }

  #reject(code: RejectionReason, detail: string): void {
    this.reasons.set(code, (this.reasons.get(code) ?? 0) + 1)
    this.refused.push(this.#items)
    if (this.errors.length < errorsMax) this.errors.push({ index: this.#items, code, detail })
  }
}
