import type { ServedMeasurement } from '../../served-measurement.ts'

/** A measurement of the log of a type's newest events. */
export interface LoggedEvent {
  readonly offset: number
  readonly measurement: ServedMeasurement
}

/** The newest `max` of a partition, in their order. */
class Newest {
  readonly #max: number
  readonly #ring: LoggedEvent[] = []
  #next = 0

  constructor(max: number) {
    this.#max = max
  }

  add(event: LoggedEvent): void {
    this.#ring[this.#next] = event
    this.#next = (this.#next + 1) % this.#max
  }

  inOrder(): readonly LoggedEvent[] {
    if (this.#ring.length < this.#max) return this.#ring
    return [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)]
  }
}

/**
 * The newest measurements of a type. Partitions are read one ahead of the other, so each keeps its own newest, and they are
 * merged by their times at the end. Holds at most `max` a partition.
 */
export class EventLog {
  readonly #max: number
  readonly #partitions = new Map<number, Newest>()

  constructor(max: number) {
    this.#max = max
  }

  add(partition: number, event: LoggedEvent): void {
    let newest = this.#partitions.get(partition)
    if (newest === undefined) {
      newest = new Newest(this.#max)
      this.#partitions.set(partition, newest)
    }
    newest.add(event)
  }

  /**
   * The newest `max` with the ids of their stream entries, in ascending order. An id is the time of the commit, which is
   * what the id of an entry that was appended by the server is close to; none is later than `latestMs`.
   */
  entries(latestMs: number): readonly (LoggedEvent & { readonly id: string })[] {
    const timed = [...this.#partitions.values()].flatMap((newest) => {
      let atMs = 0
      return newest.inOrder().map((event) => {
        // The order within a partition is what counts: a device's events never overtake each other.
        atMs = Math.min(latestMs, Math.max(atMs, event.measurement.committed_at))
        return { ...event, atMs }
      })
    })
    const merged = timed.sort((one, other) => one.atMs - other.atMs).slice(-this.#max)
    let lastMs = -1
    let sequence = 0
    return merged.map(({ atMs, ...event }) => {
      sequence = atMs === lastMs ? sequence + 1 : 1
      lastMs = atMs
      return { ...event, id: `${atMs}-${sequence}` }
    })
  }
}
