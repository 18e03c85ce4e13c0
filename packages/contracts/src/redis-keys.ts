/** Every Redis key, built here and nowhere else. `scope` is a device type or `all`. */
export const redisKeys = {
  /** STREAM of the newest events of a type. */
  enrichedEvents: (type: string) => `enriched_events:${type}`,
  /** ZSET device_id by time-decayed fault sum, see docs/ranking.md for what the score means. */
  topFaults: (scope: string) => `top_faults:${scope}`,
  /** ZSET device_id by the exact fault sum of a sliding window. */
  topFaultsWindow: (scope: string, window: RankingWindow) => `top_faults:${scope}:${window}`,
  /** ZSET of the events still inside the longest window of a scope, by measured_at (epoch ms). */
  windowEvents: (scope: string) => `faultline:window_events:${scope}`,
  /** HASH of a scope's window clocks: stream time and the time up to which each window has been emptied (epoch ms). */
  windowClock: (scope: string) => `faultline:window_clock:${scope}`,
  /** HASH with everything known about a device now. */
  deviceSummary: (deviceId: string) => `device_summary:${deviceId}`,
  /** HASH of a type's counters: devices by alert level, events, faults. */
  fleetSummary: (type: string) => `fleet_summary:${type}`,
  /** ZSET of all device ids, score 0, for lexicographic paging; one per type and one for `all`. */
  devices: (scope: string) => `faultline:devices:${scope}`,
  /** SET of the device types seen. */
  types: 'faultline:types',
  /** HASH partition -> next offset to apply, `epoch:<partition>` -> owner's epoch, `measured_at:<partition>` -> epoch ms. */
  progress: 'faultline:progress',
} as const

export const rankingWindows = ['1h', '24h'] as const
export type RankingWindow = (typeof rankingWindows)[number]
export const rankingWindowMs: Readonly<Record<RankingWindow, number>> = {
  '1h': 3_600_000,
  '24h': 86_400_000,
}

/** The scope that holds the devices of every type; no type may have this name. */
export const allTypes = 'all'
