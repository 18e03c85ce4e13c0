import {
  rankingWindowMs,
  rankingWindows,
  type RankingWindow,
} from '@faultline/contracts/redis-keys'
import { FaultWindow, type ScopeEvent } from './fault-window.ts'

/** The windows, the shortest first, as the scripts go through them. */
export const windowNames: readonly RankingWindow[] = rankingWindows.toSorted(
  (one, other) => rankingWindowMs[one] - rankingWindowMs[other],
)

/** A device type or `all`: its stream time and what its windows hold. */
export class Scope {
  /** The newest measured_at applied, epoch ms. */
  streamTime = -Infinity
  /** Events for which a window had no room. */
  dropped = 0
  readonly windows = windowNames.map((name, i) => new FaultWindow(rankingWindowMs[name], 1 << i))

  /** Counts an event in every window that still holds its time. Null where the longest does not. */
  add(event: Omit<ScopeEvent, 'heldBy'>): ScopeEvent | null {
    const held: ScopeEvent = { ...event, heldBy: 0 }
    let isInLongest = false
    for (const window of this.windows) {
      isInLongest = event.measuredAt > this.streamTime - window.lengthMs
      if (isInLongest) window.add(held)
    }
    return isInLongest ? held : null
  }

  /** Takes an event and what it counted out of every window that holds it. */
  takeBack(event: ScopeEvent): void {
    for (const window of this.windows) {
      if (window.remove(event)) window.subtract(event.deviceId, event.units)
    }
  }

  /** Takes a device's sums and the events given out of every window. */
  forget(deviceId: string, events: Iterable<ScopeEvent>): void {
    for (const event of events) {
      for (const window of this.windows) window.remove(event)
    }
    for (const window of this.windows) window.sums.delete(deviceId)
  }

  /** Takes out what has left the windows, and the oldest above `max`; tells what has left the longest. */
  shrink(max: number, onLeftLongest: (event: ScopeEvent) => void): void {
    const longest = this.windows.at(-1)
    for (const window of this.windows) {
      const untilMs = this.streamTime - window.lengthMs
      this.dropped += window.shrink(untilMs, max, (event) => {
        if (window === longest) onLeftLongest(event)
      })
    }
  }
}
