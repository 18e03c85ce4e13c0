import { readingAt, startsKeptMax, type CompiledModel } from '../model/index.ts'
import type { DeviceState } from './device-state.ts'
import { counter, countersAt, running } from './layout.ts'

const hourMs = 3_600_000

/** One measurement, as the counters see it. */
interface StartsInput {
  readonly model: CompiledModel
  readonly readings: ArrayLike<number | null>
  readonly measuredAt: number
  /** Newest event time before this measurement; the same as `measuredAt` for a device's first. */
  readonly last: number
}

/**
 * Moves the start counters to a measurement that is not late. A start is a reading above the level after one that was not;
 * a device that is already running when first seen has not started. Starts stay for one hour: (measuredAt - 1 h, measuredAt].
 */
export function countStarts(state: DeviceState, input: StartsInput): void {
  const { startCounters } = input.model
  for (let i = 0; i < startCounters.length; i++) {
    const start = startCounters[i]
    if (start === undefined) continue
    const at = countersAt + i * counter.bytes
    forgetOldStarts(state.view, at, input)
    const reading = readingAt(input.readings, start.at)
    if (Number.isNaN(reading)) continue
    const isRunning = reading > start.runningAbove
    if (isRunning && state.view.getUint8(at + counter.running) === running.no) {
      addStart(state.view, at, input.measuredAt)
    }
    state.view.setUint8(at + counter.running, isRunning ? running.yes : running.no)
  }
}

/** Starts in the hour up to the newest event time; at most `startsKeptMax`. */
export function startsPerHour(state: DeviceState, counterIndex: number): number {
  return state.view.getUint8(countersAt + counterIndex * counter.bytes + counter.length)
}

function forgetOldStarts(view: DataView, at: number, { measuredAt, last }: StartsInput): void {
  let length = view.getUint8(at + counter.length)
  if (length === 0) return
  let oldest = view.getUint8(at + counter.oldest)
  // Ages are taken modulo 2^32 ms (49 days), so after a longer silence they would lie; then all starts are old anyway.
  if (measuredAt - last >= hourMs) length = 0
  while (length > 0 && age(view, at + counter.times + oldest * 4, measuredAt) >= hourMs) {
    oldest = (oldest + 1) % startsKeptMax
    length--
  }
  view.setUint8(at + counter.length, length)
  view.setUint8(at + counter.oldest, oldest)
}

function age(view: DataView, at: number, now: number): number {
  return ((now >>> 0) - view.getUint32(at, true)) >>> 0
}

/** Adds a start; a full ring loses its oldest, so the count stays at its bound. */
function addStart(view: DataView, at: number, time: number): void {
  const length = view.getUint8(at + counter.length)
  const oldest = view.getUint8(at + counter.oldest)
  const place = (oldest + length) % startsKeptMax
  view.setUint32(at + counter.times + place * 4, time >>> 0, true)
  if (length < startsKeptMax) view.setUint8(at + counter.length, length + 1)
  else view.setUint8(at + counter.oldest, (oldest + 1) % startsKeptMax)
}
