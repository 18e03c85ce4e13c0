import { readingAt, type CompiledModel } from '../model/index.ts'
import type { DeviceState } from '../state/index.ts'
import { channelBytes, channelsAt, header } from '../state/layout.ts'

const alpha = 0.05

/** The reading furthest from what its channel usually says. */
export interface LargestZ {
  /** 0 when no channel deviates or has a variance yet. */
  readonly z: number
  /** Place of the channel, or -1. */
  readonly at: number
}

const none: LargestZ = { z: 0, at: -1 }

/**
 * Finds the largest |z| against the statistics before this measurement, then moves them: exponentially weighted mean and
 * variance. A missing reading leaves its channel alone; the first value of a channel becomes its mean.
 */
export function rollChannels(
  { view }: DeviceState,
  model: CompiledModel,
  readings: ArrayLike<number | null>,
): LargestZ {
  let best = 0
  let bestAt = -1
  const length = Math.min(readings.length, model.channels.length)
  let at = channelsAt(view.getUint8(header.counters))
  for (let i = 0; i < length; i++, at += channelBytes) {
    const x = readingAt(readings, i)
    if (Number.isNaN(x)) continue
    const variance = view.getFloat64(at + 8, true)
    if (variance < 0) {
      view.setFloat64(at, x, true)
      view.setFloat64(at + 8, 0, true)
      continue
    }
    const mean = view.getFloat64(at, true)
    const difference = x - mean
    const square = difference * difference
    // Compared without dividing, as the reference does: a division for every channel would be most of the work.
    if (variance > 0 && square > best * variance) {
      best = square / variance
      bestAt = i
    }
    view.setFloat64(at, mean + alpha * difference, true)
    view.setFloat64(at + 8, (1 - alpha) * (variance + alpha * square), true)
  }
  // A channel that was constant for thousands of frames has a variance near the smallest number: z would be infinite.
  return bestAt < 0 ? none : { z: Math.sqrt(Math.min(best, Number.MAX_VALUE)), at: bestAt }
}
