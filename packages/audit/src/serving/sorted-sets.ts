import {
  rankingWindowMs,
  rankingWindows,
  redisKeys,
  type RankingWindow,
} from '@faultline/contracts/redis-keys'
import type { Difference } from '../report.ts'
import { judgeLiveScore, judgeWindowSum } from './compare-device.ts'
import type { WindowEvent } from './device-fold.ts'
import type { ServingExpectation } from './expectation.ts'
import { redisDifference } from './redis-text.ts'

/** A sorted set of Redis, and what may stand in it. */
export interface ExpectedSet {
  readonly key: string
  /** What is wrong with a member that is there, with its score as Redis answers it. */
  judge(member: string, score: string): readonly Difference[]
  /** The members that must be there; absent where the devices' own check finds what is missing. */
  readonly members?: () => Iterable<ExpectedMember>
}

export interface ExpectedMember {
  readonly member: string
  readonly score: number
}

/** The rankings and lists of a scope. What is missing in them is found device by device. */
export function rankingsOf(expectation: ServingExpectation, scope: string): readonly ExpectedSet[] {
  const devices = redisKeys.devices(scope)
  return [
    {
      key: redisKeys.topFaults(scope),
      judge: (id, score) => judgeLiveScore(expectation, { id, scope }, score),
    },
    ...rankingWindows.map((window) => ({
      key: redisKeys.topFaultsWindow(scope, window),
      judge: (id: string, score: string) =>
        judgeWindowSum(expectation, { id, scope, window }, score),
    })),
    {
      key: devices,
      judge(id, score) {
        const device = expectation.device(id)
        const expected = device !== undefined && expectation.isIn(device, scope) ? '0' : null
        return expected === score ? [] : [redisDifference(devices, id, { expected, actual: score })]
      },
    },
  ]
}

/** The events of a window of a scope. */
export function windowSet(
  expectation: ServingExpectation,
  scope: string,
  window: RankingWindow,
): ExpectedSet {
  const key = redisKeys.windowEvents(scope, window)
  const lengthMs = rankingWindowMs[window]
  return {
    key,
    judge(member, score) {
      const [event, deviceId] = splitMember(member)
      const device = expectation.device(deviceId)
      const found = device && expectation.windowEvent(device, scope, { lengthMs, id: idOf(event) })
      return compareMember(key, { member, score, found: named(found, event) })
    },
    *members() {
      for (const id of expectation.deviceIds()) {
        const device = expectation.device(id)
        if (device === undefined) continue
        for (const event of expectation.windowEvents(device, scope, lengthMs)) {
          if (expectation.mayBeGone(device, scope, event.measuredAt)) continue
          yield { member: `${event.id}:${event.units}:${id}`, score: event.measuredAt }
        }
      }
    },
  }
}

/** The index of a device's own events. */
export function indexSet(expectation: ServingExpectation, id: string): ExpectedSet {
  const key = redisKeys.deviceWindowEvents(id)
  return {
    key,
    judge(member, score) {
      const device = expectation.device(id)
      const found = device && expectation.indexedEvent(device, idOf(member))
      return compareMember(key, { member, score, found: named(found, member) })
    },
    *members() {
      const device = expectation.device(id)
      if (device === undefined) return
      for (const event of expectation.indexedEvents(device)) {
        if (expectation.mayBeGone(device, device.type, event.measuredAt)) continue
        yield { member: `${event.id}:${event.units}`, score: event.measuredAt }
      }
    },
  }
}

/** `event:units:device` as `event:units` and the device, whose id may hold colons. */
function splitMember(member: string): [string, string] {
  const end = member.indexOf(':', member.indexOf(':') + 1)
  return end < 0 ? [member, ''] : [member.slice(0, end), member.slice(end + 1)]
}

const idOf = (event: string): string => event.slice(0, Math.max(0, event.indexOf(':')))

/** The event that a member names: with other units it is another. */
function named(event: WindowEvent | undefined, member: string): WindowEvent | null {
  return event !== undefined && `${event.id}:${event.units}` === member ? event : null
}

interface HeldMember {
  readonly member: string
  readonly score: string
  readonly found: WindowEvent | null
}

function compareMember(key: string, { member, score, found }: HeldMember): Difference[] {
  const expected = found === null ? null : String(found.measuredAt)
  if (expected === score) return []
  return [redisDifference(key, member, { expected, actual: score })]
}
