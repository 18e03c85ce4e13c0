import { redisKeys } from '@faultline/contracts/redis-keys'
import { failpoint } from '@faultline/runtime/failpoints'
import { runScript, type RedisClient } from '@faultline/runtime/redis'
import { generationScripts } from './generation-commands.ts'
import { loadScript } from './load-script.ts'
import { unknownReply } from './replies.ts'

/** The settings the scripts work with. */
export interface ScriptSettings {
  readonly halfLifeMs: number
  /** Newest events kept in the log of a type, about. */
  readonly streamEventsMax: number
  /** Most events a sliding window of a scope may hold. */
  readonly windowEventsMax: number
  /** Most events one call takes out of windows. */
  readonly budget: number
}

/** Offsets [firstOffset, nextOffset) of a partition of the enriched topic, written by the owner of `epoch`. */
export interface OffsetRange {
  readonly partition: number
  readonly epoch: number
  readonly firstOffset: number
  readonly nextOffset: number
  /** The owner knows of earlier ranges that are in: a store without progress has lost them. */
  readonly continues?: boolean
}

export type ApplyReply =
  | {
      readonly code: 'APPLIED' | 'UNFINISHED'
      /** Next offset to apply: everything below it is in. */
      readonly nextOffset: number
      readonly applied: number
      /** Scopes whose windows still hold events to be taken out. */
      readonly scopesToShrink: readonly string[]
    }
  | { readonly code: 'ALREADY_APPLIED'; readonly nextOffset: number }
  | { readonly code: 'FENCED'; readonly epoch: number }
  | { readonly code: 'GAP'; readonly storedNextOffset: number | null }

export type TakeOverReply =
  | { readonly code: 'TAKEN_OVER'; readonly epoch: number; readonly nextOffset: number | null }
  | { readonly code: 'HALF_LIFE_DIFFERS'; readonly storedHalfLifeMs: number }

const applyRecordsScript = loadScript('apply-records-1')
const takeOverScript = loadScript('take-over-partition-2')
const shrinkWindowsScript = loadScript('shrink-windows-0')

/** The scripts, for the test that loads each. */
export const scripts = [
  applyRecordsScript,
  takeOverScript,
  shrinkWindowsScript,
  ...generationScripts,
] as const

/**
 * @param recordsJson the records as apply-records wants them, see `encodeRecord`
 * @throws FaultlineError SERVING_STORE_UNAVAILABLE, SCRIPT_REPLY_UNKNOWN
 */
export async function applyRecords(
  redis: RedisClient,
  range: OffsetRange,
  recordsJson: string,
  settings: ScriptSettings,
): Promise<ApplyReply> {
  const settingsJson = JSON.stringify({
    half_life_ms: settings.halfLifeMs,
    stream_max: settings.streamEventsMax,
    window_events_max: settings.windowEventsMax,
    budget: settings.budget,
  })
  const replying = runScript(redis, applyRecordsScript, {
    keys: [redisKeys.progress],
    args: [
      range.partition,
      range.epoch,
      range.firstOffset,
      range.nextOffset,
      settingsJson,
      recordsJson,
      range.continues === true ? 1 : 0,
    ],
  })
  // The call has written its command to the socket by now.
  failpoint('redis.script-unanswered')
  const reply = await replying
  const [code, value, applied, ...scopesToShrink] = numbersThenText(reply, 3)
  switch (code) {
    case 0:
    case 2:
      return {
        code: code === 0 ? 'APPLIED' : 'UNFINISHED',
        nextOffset: value,
        applied,
        scopesToShrink,
      }
    case 1:
      return { code: 'ALREADY_APPLIED', nextOffset: value }
    case -1:
      return { code: 'FENCED', epoch: value }
    case -2:
      return { code: 'GAP', storedNextOffset: value < 0 ? null : value }
    default:
      throw unknownReply(applyRecordsScript.name, reply)
  }
}

/** @throws FaultlineError SERVING_STORE_UNAVAILABLE, SCRIPT_REPLY_UNKNOWN */
export async function takeOverPartition(
  redis: RedisClient,
  partition: number,
  halfLifeMs: number,
): Promise<TakeOverReply> {
  const reply = await runScript(redis, takeOverScript, {
    keys: [redisKeys.progress, redisKeys.settings],
    args: [partition, halfLifeMs],
  })
  const [code, value, nextOffset] = numbersThenText(reply, 3)
  switch (code) {
    case 0:
      return { code: 'TAKEN_OVER', epoch: value, nextOffset: nextOffset < 0 ? null : nextOffset }
    case -3:
      return { code: 'HALF_LIFE_DIFFERS', storedHalfLifeMs: value }
    default:
      throw unknownReply(takeOverScript.name, reply)
  }
}

/** Returns whether it has to be called again. @throws FaultlineError SERVING_STORE_UNAVAILABLE, SCRIPT_REPLY_UNKNOWN */
export async function shrinkWindows(
  redis: RedisClient,
  scope: string,
  settings: ScriptSettings,
): Promise<boolean> {
  const reply = await runScript(redis, shrinkWindowsScript, {
    keys: [],
    args: [scope, settings.windowEventsMax, settings.budget],
  })
  if (reply === 0 || reply === 1) return reply === 1
  throw unknownReply(shrinkWindowsScript.name, reply)
}

/** A flat reply of three numbers and then texts. */
function numbersThenText(
  reply: unknown,
  count: 3,
): [number, number, number, ...(readonly string[])] {
  if (!Array.isArray(reply) || reply.length < count) throw unknownReply('script', reply)
  const values: readonly unknown[] = reply
  const [first, second, third] = values
  const rest = values.slice(count)
  if (
    typeof first !== 'number' ||
    typeof second !== 'number' ||
    typeof third !== 'number' ||
    !rest.every((value) => typeof value === 'string')
  ) {
    throw unknownReply('script', reply)
  }
  return [first, second, third, ...rest]
}
