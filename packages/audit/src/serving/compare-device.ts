import {
  allTypes,
  rankingWindowMs,
  rankingWindows,
  redisKeys,
  type RankingWindow,
} from '@faultline/contracts/redis-keys'
import { decayedSumAt, unitsPerScore } from '@faultline/core/ranking'
import type { Difference } from '../report.ts'
import { offsetOfApplied } from './compare-whole.ts'
import type { DeviceFold } from './device-fold.ts'
import type { ServingExpectation } from './expectation.ts'
import { asHash, asScore, compareHash, nineDigits, redisDifference } from './redis-text.ts'
import { summaryTexts } from './written-text.ts'

type Command = readonly (string | number)[]

/** What is read of a device, in the order of the replies. */
export function deviceCommands(id: string, type: string): readonly Command[] {
  const scopes = [type, allTypes]
  return [
    ['hgetall', redisKeys.deviceSummary(id)],
    ...scopes.map((scope): Command => ['zscore', redisKeys.topFaults(scope), id]),
    ...scopes.map((scope): Command => ['zscore', redisKeys.devices(scope), id]),
    ...scopes.flatMap((scope) =>
      rankingWindows.map((window): Command => [
        'zscore',
        redisKeys.topFaultsWindow(scope, window),
        id,
      ]),
    ),
  ]
}

/** Compares what was read of a device that has the type it was read with. */
export function compareDevice(
  expectation: ServingExpectation,
  id: string,
  replies: readonly unknown[],
): Difference[] {
  const device = expectation.device(id)
  if (device === undefined) return []
  const [summary, ofType, ofAll, listedType, listedAll, ...sums] = replies
  const { type } = device
  const differences = [
    ...offsetOfApplied(expectation, device.partition, asHash(summary)?.['enriched_offset']),
    ...compareSummary(expectation, { id, device }, { summary, ofType, ofAll }),
    ...[type, allTypes].flatMap((scope, i) =>
      compareScore(redisKeys.devices(scope), id, '0', asScore([listedType, listedAll][i])),
    ),
  ]
  const pairs = [type, allTypes].flatMap((scope) =>
    rankingWindows.map((window) => [scope, window] as const),
  )
  for (const [i, [scope, window]] of pairs.entries()) {
    differences.push(...judgeWindowSum(expectation, { id, scope, window }, asScore(sums[i])))
  }
  return differences
}

interface Ranked {
  readonly id: string
  readonly device: DeviceFold
}

interface SummaryReplies {
  readonly summary: unknown
  readonly ofType: unknown
  readonly ofAll: unknown
}

function compareSummary(
  expectation: ServingExpectation,
  { id, device }: Ranked,
  { summary, ofType, ofAll }: SummaryReplies,
): Difference[] {
  const { halfLifeMs } = expectation.settings
  const written = asHash(summary)?.['decayed_faults'] ?? null
  const sumText = (score: string | null): string => {
    if (score === null) return '0'
    return writtenSum(decayedSumAt(Number(score), device.lastMeasuredAt, halfLifeMs), written)
  }
  // Both rankings hold the same number, to the last bit, and `decayed_faults` was written with it: two of three are right.
  const scores = [asScore(ofAll), asScore(ofType)] as const
  const right = scores.find((score) => sumText(score) === written) ?? scores[0]
  const expected = new Map([
    ...summaryTexts(device.newest),
    ['first_seen', String(device.firstSeen)],
    ['events_total', String(device.events)],
    ['faults_total', String(device.faults)],
    ['decayed_faults', sumText(right)],
  ])
  const at = `${device.partition}:${String(device.newest.enriched_offset)}`
  const wrong = judgeLiveScore(expectation, { id, scope: allTypes }, right)
  if (expectation.isWhole && wrong.length > 0) return wrong
  return [
    ...compareHash(redisKeys.deviceSummary(id), expected, summary, at),
    ...[allTypes, device.type].flatMap((scope, i) =>
      compareScore(redisKeys.topFaults(scope), id, right, scores[i] ?? null),
    ),
  ]
}

/**
 * The text of a decayed sum. The power behind it is rounded in its last bit by another library here than in Redis: where that
 * changes the ninth digit, the digit in Redis is as right.
 */
function writtenSum(sum: number, written: string | null): string {
  const near = [1, 1 - 1e-12, 1 + 1e-12].map((factor) => nineDigits(sum * factor))
  return near.find((text) => text === written) ?? nineDigits(sum)
}

function compareScore(
  key: string,
  member: string,
  expected: string | null,
  actual: string | null,
): Difference[] {
  return expected === actual ? [] : [redisDifference(key, member, { expected, actual })]
}

interface RankedIn {
  readonly id: string
  readonly scope: string
}

/** Holds a live score against the sum of the topic's records, as sums at the device's newest measurement. */
export function judgeLiveScore(
  expectation: ServingExpectation,
  { id, scope }: RankedIn,
  score: string | null,
): Difference[] {
  const { halfLifeMs } = expectation.settings
  const device = expectation.device(id)
  const isRanked = device !== undefined && expectation.isIn(device, scope)
  const at = device?.lastMeasuredAt ?? 0
  const { sum, tolerance } = isRanked ? device.liveSum(at) : { sum: 0, tolerance: 0 }
  const actual = score === null ? 0 : decayedSumAt(Number(score), at, halfLifeMs)
  const isRight = isRanked ? Math.abs(actual - sum) <= tolerance : score === null
  if (isRight) return []
  const expected = sum > tolerance ? String(at + halfLifeMs * Math.log2(sum)) : null
  return [redisDifference(redisKeys.topFaults(scope), id, { expected, actual: score })]
}

/** Holds the sum of a window against the events that it covers; sums of whole units are exact. */
export function judgeWindowSum(
  expectation: ServingExpectation,
  { id, scope, window }: RankedIn & { readonly window: RankingWindow },
  score: string | null,
): Difference[] {
  const device = expectation.device(id)
  let [least, most] = [0, 0]
  if (device !== undefined) {
    for (const event of expectation.windowEvents(device, scope, rankingWindowMs[window])) {
      most += event.units
      if (!expectation.mayBeGone(device, scope, event.measuredAt)) least += event.units
    }
  }
  const actual = score === null ? 0 : Number(score) * unitsPerScore
  const isThere = score !== null
  if (actual >= least && actual <= most && isThere === actual > 0) return []
  const expected = most > 0 ? String(most / unitsPerScore) : null
  return [
    redisDifference(redisKeys.topFaultsWindow(scope, window), id, { expected, actual: score }),
  ]
}
