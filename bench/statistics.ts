const roundedTo = (steps: number) => (value: number) => Math.round(value * steps) / steps
const toThousandths = roundedTo(1_000)
const toTenths = roundedTo(10)

/** The value in the middle, or the mean of the two there. */
export function median(values: readonly number[]): number {
  const sorted = ascending(values)
  const middle = (sorted.length - 1) / 2
  const [low = NaN, high = NaN] = [sorted[Math.floor(middle)], sorted[Math.ceil(middle)]]
  return toThousandths((low + high) / 2)
}

/** The smallest and the largest. */
export function spread(values: readonly number[]): readonly [number, number] {
  return [toThousandths(Math.min(...values)), toThousandths(Math.max(...values))]
}

/** One of the values, exactly: this share of them (below 1) is smaller, or as large. */
export function percentile(values: readonly number[], share: number): number {
  return ofSorted(ascending(values), share)
}

/** Of times in milliseconds. */
export function percentiles(values: readonly number[]) {
  const sorted = ascending(values)
  const at = (share: number) => toTenths(ofSorted(sorted, share))
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: toTenths(sorted.at(-1) ?? NaN) }
}

/** Of ours to the peer's, round by round: what a busy moment does to one, it does to the other. */
export function ratios(ours: readonly number[], peer: readonly number[]): readonly number[] {
  return ours.map((value, round) => value / (peer[round] ?? NaN))
}

function ascending(values: readonly number[]): readonly number[] {
  return values.toSorted((a, b) => a - b)
}

function ofSorted(sorted: readonly number[], share: number): number {
  return sorted[Math.floor(sorted.length * share)] ?? NaN
}
