import type { WrittenRecord } from './written-text.ts'

export interface Logged {
  readonly partition: number
  readonly offset: number
  readonly record: WrittenRecord
}

/**
 * The newest records of a type, of each partition as many as the whole log in Redis may hold and a few more: partitions may be read
 * one after the other here, while Redis took them in turns.
 */
export class EventLog {
  readonly #max: number
  readonly #newest = new Map<number, Logged[]>()
  #total = 0
  #sorted: ReadonlyMap<number, readonly Logged[]> | undefined

  constructor(max: number) {
    this.#max = max
  }

  /** Records of the type so far, those no longer kept included. */
  get total(): number {
    return this.#total
  }

  push(logged: Logged): void {
    this.#total += 1
    this.#sorted = undefined
    const kept = this.#newest.get(logged.partition) ?? []
    this.#newest.set(logged.partition, kept)
    kept.push(logged)
    if (kept.length >= 2 * this.#max) kept.splice(0, this.#max)
  }

  /** What is kept, by partition, newest first. */
  byPartition(): ReadonlyMap<number, readonly Logged[]> {
    this.#sorted ??= new Map(
      [...this.#newest].map(([partition, kept]) => [
        partition,
        kept.toSorted((a, b) => b.offset - a.offset),
      ]),
    )
    return this.#sorted
  }
}
