import { median, ratios, spread } from '../statistics.ts'

/** Medians of both, and of the ratios round by round, with their spread. */
export function compare(ours: readonly number[], peer: readonly number[]) {
  const pairs = ratios(ours, peer)
  return { ours: median(ours), peer: median(peer), ratio: median(pairs), spread: spread(pairs) }
}
