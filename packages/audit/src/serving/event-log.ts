import type { WrittenRecord } from './written-text.ts'

export interface Logged {
  readonly partition: number
  readonly offset: number
  readonly record: WrittenRecord
}

/** The newest records of a type, as many as its log in Redis may hold and a few more. */
export class EventLog {
  readonly #max: number
  #newest: Logged[] = []
  #total = 0

  constructor(max: number) {
    this.#max = max
  }

  /** Records of the type so far, those no longer kept included. */
  get total(): number {
    return this.#total
  }

  push(logged: Logged): void {
    this.#total += 1
    this.#newest.push(logged)
    if (this.#newest.length >= 2 * this.#max) this.#newest = this.#newest.slice(-this.#max)
  }

  /** What is kept, by partition, newest first. */
  byPartition(): ReadonlyMap<number, readonly Logged[]> {
    return Map.groupBy(
      this.#newest.toSorted((a, b) => b.offset - a.offset),
      ({ partition }) => partition,
    )
  }
}
