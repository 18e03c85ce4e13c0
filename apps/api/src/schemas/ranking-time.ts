import type { Progress } from '../ports/progress.ts'

const anotherClockMs = 24 * 3_600_000

/**
 * The moment at which a live ranking is evaluated, epoch ms: the present. Where the data run on a clock of their own (their
 * newest measured_at lies ahead, or more than a day back, as in a load of old files) it is that newest time, because
 * everything would have decayed to nothing by the present. The order does not depend on it.
 */
export function rankingTime(progress: Progress, nowMs: number): number {
  const newest = progress.reduce((latest, { measuredAt }) => Math.max(latest, measuredAt ?? 0), 0)
  if (newest === 0) return nowMs
  return newest > nowMs || nowMs - newest > anotherClockMs ? newest : nowMs
}
