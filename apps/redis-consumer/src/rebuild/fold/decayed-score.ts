import { unitsPerScore } from '@faultline/core/ranking'

/** What is left of a sum after taking nearly all of it is rounding, not faults. */
const leftMin = 1e-9

/**
 * Adds units to the decayed sum that a score stands for, or takes them off where they are negative: add-fault.lua in the same
 * steps, so that both round alike. Null: no sum.
 */
export function addFault(
  score: number | null,
  fault: { readonly units: number; readonly measuredAt: number },
  halfLifeMs: number,
): number | null {
  const { units, measuredAt } = fault
  const instant =
    measuredAt + (halfLifeMs * Math.log(Math.abs(units) / unitsPerScore)) / Math.log(2)
  if (score === null) return units > 0 ? instant : null
  if (units > 0) {
    const [low, high] = score > instant ? [instant, score] : [score, instant]
    return high + (halfLifeMs * Math.log(1 + 2 ** ((low - high) / halfLifeMs))) / Math.log(2)
  }
  const left = 1 - 2 ** ((instant - score) / halfLifeMs)
  return left > leftMin ? score + (halfLifeMs * Math.log(left)) / Math.log(2) : null
}
