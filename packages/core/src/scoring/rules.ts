import { readingAt, type CompiledGuard, type CompiledRule } from '../model/index.ts'
import { startsPerHour } from '../state/starts.ts'
import type { ScoreInput } from './scored.ts'

/**
 * The value that breaks a rule, or NaN when the rule does not hold. A missing reading breaks no rule and satisfies no guard;
 * that is also so for the channel whose starts are counted.
 */
export function brokenBy(rule: CompiledRule, { readings, state }: ScoreInput): number {
  const reading = difference(readings, rule)
  if (Number.isNaN(reading)) return NaN
  const value = rule.counter < 0 ? reading : startsPerHour(state, rule.counter)
  if (!crosses(value, rule)) return NaN
  for (const guard of rule.guards) if (!crosses(difference(readings, guard), guard)) return NaN
  return value
}

/** The limit that a value crossed. */
export function crossedLimit({ low, high }: CompiledRule, value: number): number {
  return value > high ? high : low
}

function difference(
  readings: ArrayLike<number | null>,
  { at, minusAt }: Pick<CompiledGuard, 'at' | 'minusAt'>,
): number {
  const reading = readingAt(readings, at)
  return minusAt < 0 ? reading : reading - readingAt(readings, minusAt)
}

function crosses(value: number, { low, high }: Pick<CompiledGuard, 'low' | 'high'>): boolean {
  return value > high || value < low
}
