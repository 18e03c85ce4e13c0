import type { CommittedOffset } from '@faultline/runtime/kafka'
import { intendedEnd } from './intent.ts'

/** Where a new owner begins. `redoUntil`: the range [next, redoUntil) may have been written and has to be written again. */
export interface Resume {
  /** null: nothing is known, begin at STARTING_OFFSETS. */
  readonly next: number | null
  readonly redoUntil: number | null
}

/**
 * Decides from what the group committed and from what the warehouse holds (one past the highest offset, null for nothing).
 * The table is in SPEC.md. The warehouse may be ahead of the group, whose offsets expire or are reset; never behind a
 * confirmed range.
 */
export function planResume(committed: CommittedOffset | null, storedNext: number | null): Resume {
  const stored = storedNext ?? 0
  if (committed === null) return { next: storedNext, redoUntil: null }
  const end = intendedEnd(committed.metadata)
  if (end === null || end <= committed.offset) {
    return { next: Math.max(committed.offset, stored), redoUntil: null }
  }
  // A range is stored whole or not at all: one row beyond its start says that it is there.
  if (stored > committed.offset) return { next: Math.max(end, stored), redoUntil: null }
  return { next: committed.offset, redoUntil: end }
}
