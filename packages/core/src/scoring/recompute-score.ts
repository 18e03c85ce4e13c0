import type { ExplanationEntry } from './scored.ts'

/**
 * The fault score that an explanation stands for: 1 - (1 - r)(1 - c1)(1 - c2)…, with r = min(1, sum of the contributions of
 * rules) and c the other contributions in order. It equals `fault_score` bit for bit.
 */
export function recomputeScore(explanation: readonly ExplanationEntry[]): number {
  let rules = 0
  for (const { source, contribution } of explanation) if (source === 'rule') rules += contribution
  let healthy = 1 - Math.min(1, rules)
  for (const { source, contribution } of explanation) {
    if (source !== 'rule') healthy *= 1 - contribution
  }
  return 1 - healthy
}
