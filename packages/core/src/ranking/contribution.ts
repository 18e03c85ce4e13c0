/**
 * A fault score is counted in whole units of 2^-20, about a millionth. Sums of whole units are exact in a double up to 2^53
 * units, so what a window adds and later subtracts leaves nothing behind. See docs/ranking.md.
 */
export const unitsPerScore = 2 ** 20

/** A fault score in [0, 1] as whole units. */
export function contributionUnits(faultScore: number): number {
  return Math.round(faultScore * unitsPerScore)
}

/** Whether a measurement counts as a fault: a rule holds, or the device says so itself. */
export function isFault(measurement: {
  readonly alert_level: string
  readonly fault_reasons: readonly string[]
}): boolean {
  return measurement.fault_reasons.length > 0 || measurement.alert_level === 'critical'
}
