/** A unit of a fleet's seed at a time: what every reading and every fault is a function of. */
export interface Moment {
  readonly seed: number
  readonly unit: number
  readonly timeMs: number
}
