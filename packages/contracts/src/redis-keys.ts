/** Every Redis key, built here and nowhere else. `scope` is a device type or `all`. */
export const redisKeys = {
  /** STREAM of the newest events of a type. */
  enrichedEvents: (type: string) => `enriched_events:${type}`,
  /** ZSET device_id by time-decayed fault sum, see docs/ranking.md for what the score means. */
  topFaults: (scope: string) => `top_faults:${scope}`,
  /** ZSET device_id by the exact fault sum of a sliding window. */
  topFaultsWindow: (scope: string, window: RankingWindow) => `top_faults:${scope}:${window}`,
  /** ZSET of the events counted in a window of a scope, by measured_at (epoch ms). */
  windowEvents: (scope: string, window: RankingWindow) =>
    `faultline:window_events:${scope}:${window}`,
  /** HASH of a scope: `stream_time` (epoch ms) and `dropped`, the events its windows had no room for. */
  windowClock: (scope: string) => `faultline:window_clock:${scope}`,
  /** ZSET of a device's events in the longest window, by measured_at: finds them for corrections and removal. */
  deviceWindowEvents: (deviceId: string) => `faultline:device_window_events:${deviceId}`,
  /** HASH with everything known about a device now. */
  deviceSummary: (deviceId: string) => `device_summary:${deviceId}`,
  /** HASH of a type's counters: devices by alert level, events, faults. */
  fleetSummary: (type: string) => `fleet_summary:${type}`,
  /** ZSET of all device ids, score 0, for lexicographic paging; one per type and one for `all`. */
  devices: (scope: string) => `faultline:devices:${scope}`,
  /** SET of the device types seen. */
  types: 'faultline:types',
  /** HASH of what has been applied; its fields are named by `progressFields`. */
  progress: 'faultline:progress',
  /** HASH of the settings the rankings were built with: `half_life_ms`. */
  settings: 'faultline:settings',
  /** HASH that says whose database this is, where `faultline rebuild redis` had a part in it; see docs/rebuild.md. */
  generation: 'faultline:generation',
} as const

/** The fields of `faultline:progress` for a partition of the enriched topic. */
export const progressFields = {
  /** Next offset to apply. */
  nextOffset: (partition: number | string) => String(partition),
  /** The owner's epoch: a writer with a smaller one is refused. */
  epoch: (partition: number | string) => `epoch:${partition}`,
  /** The newest measured_at applied (epoch ms). */
  measuredAt: (partition: number | string) => `measured_at:${partition}`,
} as const

export const rankingWindows = ['1h', '24h'] as const
export type RankingWindow = (typeof rankingWindows)[number]
export const rankingWindowMs: Readonly<Record<RankingWindow, number>> = {
  '1h': 3_600_000,
  '24h': 86_400_000,
}

/** The scope that holds the devices of every type; no type may have this name. */
export const allTypes = 'all'
