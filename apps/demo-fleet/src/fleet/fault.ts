import { chance, chanceBetween } from './chance.ts'

export const faultKinds = [
  'refrigerant-leak',
  'clogged-filter',
  'short-cycling',
  'sensor-drift',
  'sensor-stuck',
  'fan-failure',
  'over-current',
] as const
export type FaultKind = (typeof faultKinds)[number]

/** A fault as it is at one moment. */
export interface Fault {
  readonly kind: FaultKind
  /** 0 at the onset, 1 when fully developed. */
  readonly severity: number
}

const minuteMs = 60_000
/** A unit's time is cut into spans, each with at most one fault that begins and is repaired inside it. */
const spanMs = 120 * minuteMs
/** With faults of 15 to 55 minutes in spans of two hours about 3 % of the units are faulty at any moment. */
const faultProbability = 0.11

/** What of a place's chance is used for what. */
const use = { offset: 1, occurs: 2, kind: 3, onset: 4, development: 5, developed: 6 } as const

/**
 * The fault a unit has at a time, or none. Days of wear are told in minutes: a fault develops within 5 to 15 minutes, stays
 * for 10 to 40, and is then repaired at once.
 */
export function faultAt(seed: number, unit: number, timeMs: number): Fault | undefined {
  // Each unit's spans begin elsewhere, or the whole fleet would be healthy every two hours.
  const shifted = timeMs + spanMs * chance([seed, unit, use.offset])
  const span = Math.floor(shifted / spanMs)
  if (chance([seed, unit, use.occurs, span]) >= faultProbability) return undefined
  const developmentMs = chanceBetween([seed, unit, use.development, span], 5, 15) * minuteMs
  const developedMs = chanceBetween([seed, unit, use.developed, span], 10, 40) * minuteMs
  const lastOnsetMs = spanMs - developmentMs - developedMs
  const onsetMs = lastOnsetMs * chance([seed, unit, use.onset, span])
  const ageMs = shifted - span * spanMs - onsetMs
  if (ageMs < 0 || ageMs >= developmentMs + developedMs) return undefined
  const kind = faultKinds[Math.floor(chance([seed, unit, use.kind, span]) * faultKinds.length)]
  return kind && { kind, severity: Math.min(1, ageMs / developmentMs) }
}
