/** One fault: its size and when it happened. */
export interface Contribution {
  readonly units: number
  /** Epoch ms. */
  readonly measuredAt: number
}

/**
 * The ranking score of a decayed sum S(now) = sum of f * 2^((t - now) / halfLife): the instant, in epoch ms, at which S has
 * decayed to exactly 1. It does not depend on `now`, so the order is right at any moment. Null for no contribution.
 */
export function decayedScore(
  contributions: readonly Contribution[],
  { halfLifeMs, unitsPerScore }: { readonly halfLifeMs: number; readonly unitsPerScore: number },
): number | null {
  const faults = contributions.filter(({ units }) => units > 0)
  // Measured against the newest contribution, so that no power overflows.
  const newest = faults.reduce((latest, { measuredAt }) => Math.max(latest, measuredAt), -Infinity)
  const sum = faults.reduce(
    (total, { units, measuredAt }) =>
      total + (units / unitsPerScore) * 2 ** ((measuredAt - newest) / halfLifeMs),
    0,
  )
  return sum > 0 ? newest + halfLifeMs * Math.log2(sum) : null
}

/** The decayed sum at `atMs` (epoch ms) that a ranking score stands for. */
export function decayedSumAt(score: number, atMs: number, halfLifeMs: number): number {
  return 2 ** ((score - atMs) / halfLifeMs)
}
