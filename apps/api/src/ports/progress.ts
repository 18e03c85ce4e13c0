/** How far a store has come in one partition of the enriched topic. */
export interface AppliedPosition {
  readonly partition: number
  /** The last offset applied. */
  readonly offset: number
  /** The newest measured_at applied, epoch ms; null where none is known. */
  readonly measuredAt: number | null
}

/** One entry a partition that has been applied from, in the order of the partitions. */
export type Progress = readonly AppliedPosition[]

/**
 * What was read, with the progress of the very same moment: the value holds at least everything up to it, also where the
 * store is swapped for another generation, or emptied, right before or after.
 */
export interface Reading<T> {
  readonly value: T
  readonly progress: Progress
}

/** What an answer made of several readings may claim: of each partition the least that all of them hold. */
export function oldestOf(first: Progress, ...others: readonly Progress[]): Progress {
  return others.reduce(
    (oldest, other) =>
      oldest.flatMap((position) => {
        const same = other.find(({ partition }) => partition === position.partition)
        if (same === undefined) return []
        return [same.offset < position.offset ? same : position]
      }),
    first,
  )
}
