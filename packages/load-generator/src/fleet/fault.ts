import { chance, chanceBetween } from './chance.ts'
import type { Moment } from './moment.ts'

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
const developmentMinutes = [5, 15] as const
const developedMinutes = [10, 40] as const
const meanFaultMs = (minuteMs * (5 + 15 + 10 + 40)) / 2

/** How often units break, and in which ways. */
export interface FaultPlan {
  /** Share of the units that are faulty at any moment, 0 to `faultShareMax`. */
  readonly share: number
  /** One is chosen by chance; a kind that is named twice comes twice as often. */
  readonly kinds: readonly FaultKind[]
}

/** Every unit breaks in every span. */
export const faultShareMax = meanFaultMs / spanMs

export const defaultFaults: FaultPlan = { share: 0.032, kinds: faultKinds }

/** What of a place's chance is used for what. */
const use = { offset: 1, occurs: 2, kind: 3, onset: 4, development: 5, developed: 6 } as const

/**
 * The fault a unit has at a time, or none. Days of wear are told in minutes: a fault develops within 5 to 15 minutes, stays
 * for 10 to 40, and is then repaired at once.
 */
export function faultAt({ seed, unit, timeMs }: Moment, plan: FaultPlan): Fault | undefined {
  // Each unit's spans begin elsewhere, or the whole fleet would be healthy every two hours.
  const shifted = timeMs + spanMs * chance([seed, unit, use.offset])
  const span = Math.floor(shifted / spanMs)
  if (chance([seed, unit, use.occurs, span]) >= plan.share / faultShareMax) return undefined
  const minutes = (what: number, [low, high]: readonly [number, number]): number =>
    chanceBetween([seed, unit, what, span], low, high)
  const developmentMs = minutes(use.development, developmentMinutes) * minuteMs
  const developedMs = minutes(use.developed, developedMinutes) * minuteMs
  const lastOnsetMs = spanMs - developmentMs - developedMs
  const onsetMs = lastOnsetMs * chance([seed, unit, use.onset, span])
  const ageMs = shifted - span * spanMs - onsetMs
  if (ageMs < 0 || ageMs >= developmentMs + developedMs) return undefined
  const kind = plan.kinds[Math.floor(chance([seed, unit, use.kind, span]) * plan.kinds.length)]
  return kind && { kind, severity: Math.min(1, ageMs / developmentMs) }
}
