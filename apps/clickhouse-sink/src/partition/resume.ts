import type { CommittedOffset } from '@faultline/runtime/kafka'
import { readIntent, type Intent } from './intent.ts'

/** Where a new owner begins. `redo`: the range [next, redo.end) may have been written and has to be written again. */
export interface Resume {
  /** null: nothing is known, begin at STARTING_OFFSETS. */
  readonly next: number | null
  readonly redo: Intent | null
}

/**
 * Decides from what the group committed and from what the warehouse holds (one past the highest offset, null for nothing).
 * The table is in SPEC.md. The warehouse may be ahead of the group, whose offsets expire or are reset; never behind a
 * confirmed range.
 */
export function planResume(committed: CommittedOffset | null, storedNext: number | null): Resume {
  const stored = storedNext ?? 0
  if (committed === null) return { next: storedNext, redo: null }
  const intent = readIntent(committed.metadata)
  if (intent === null || intent.end <= committed.offset) {
    return { next: Math.max(committed.offset, stored), redo: null }
  }
  // A range is stored whole or not at all: one row beyond its start says that it is there.
  if (stored > committed.offset) return { next: Math.max(intent.end, stored), redo: null }
  return { next: committed.offset, redo: intent }
}
