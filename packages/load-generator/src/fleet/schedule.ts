/** A report that is due: which unit, and when. */
export interface Report {
  readonly unit: number
  readonly timeMs: number
}

/** How many units take turns, and how many of them report in a second. */
export interface Cadence {
  readonly units: number
  readonly rowsPerSecond: number
}

/**
 * Reports are numbered through all time: report n is due at n / rate, and is unit n mod units'. So the units take turns,
 * evenly spread, and any stretch of time can be asked for.
 */
export function lastReportAt(timeMs: number, rowsPerSecond: number): number {
  return Math.floor((timeMs / 1000) * rowsPerSecond)
}

/** The reports `after` < n <= `upTo`, in the order of time. */
export function* reportsBetween(
  after: number,
  upTo: number,
  { units, rowsPerSecond }: Cadence,
): Generator<Report> {
  for (let n = after + 1; n <= upTo; n += 1) {
    yield { unit: n % units, timeMs: Math.floor((n / rowsPerSecond) * 1000) }
  }
}
