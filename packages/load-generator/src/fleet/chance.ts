/**
 * Chance without state: the same place always gives the same number. Every reading is then a function of seed, unit and
 * time alone, so the fleet can be stopped, restarted or computed for any past hour without remembering anything.
 */

/** A place: seed, unit, and what is asked for there (channel, time step, …); each is taken as a 32-bit integer. */
export type Place = readonly [seed: number, unit: number, ...rest: number[]]

const start = 0x9e3779b9

/** A place as a number, one part more; for loops in which only the last parts change. */
export function stepTo(at: number, part: number): number {
  let hash = Math.imul(at ^ (part | 0), 0x85ebca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash, 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

export function placeNumber(place: readonly number[]): number {
  let hash = start
  for (const part of place) hash = stepTo(hash, part)
  return hash
}

const share = (hash: number): number => (hash >>> 0) / 0x1_0000_0000

/** A number in [0, 1), evenly spread over the places. */
export function chance(place: Place): number {
  return share(placeNumber(place))
}

/** A number in [low, high). */
export function chanceBetween(place: Place, low: number, high: number): number {
  return low + (high - low) * chance(place)
}

/**
 * Measuring noise in [-1, 1]. Its extremes are close to its standard deviation, as with a quantised sensor, so that noise by
 * itself never looks like a deviation.
 */
export function jitter(place: Place): number {
  return jitterAt(placeNumber(place))
}

/** The same of a place that is a number already. */
export function jitterAt(place: number): number {
  return Math.sin(2 * Math.PI * share(place))
}

/** A smooth curve through a random value in [-1, 1] every `stepMs`. */
export function wander(place: Place, timeMs: number, stepMs: number): number {
  const step = Math.floor(timeMs / stepMs)
  const part = timeMs / stepMs - step
  const eased = part * part * (3 - 2 * part)
  const from = 2 * chance([...place, step]) - 1
  const to = 2 * chance([...place, step + 1]) - 1
  return from + (to - from) * eased
}
