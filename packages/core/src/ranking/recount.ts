import { contributionUnits, isFault, unitsPerScore } from './contribution.ts'
import { decayedScore, decayedSumAt, type Contribution } from './decay.ts'

/** The scope that holds the devices of every type. */
export const allScope = 'all'

/** What the rankings and counters need of an enriched measurement. */
export interface RankedMeasurement {
  readonly event_id: string
  readonly device_id: string
  readonly type: string
  /** Epoch ms. */
  readonly measured_at: number
  readonly fault_score: number
  readonly alert_level: 'normal' | 'warning' | 'critical'
  readonly fault_reasons: readonly string[]
  readonly revision: number
}

/** A record of the enriched topic: a measurement, or (null) the removal of its device. */
export interface DeviceChange<M extends RankedMeasurement = RankedMeasurement> {
  readonly device_id: string
  readonly measurement: M | null
}

export interface RankingSettings {
  readonly halfLifeMs: number
  /** Length of each sliding window in ms, by name. */
  readonly windows: Readonly<Record<string, number>>
}

export interface DeviceTotals {
  readonly type: string
  readonly alert_level: RankedMeasurement['alert_level']
  readonly last_event_id: string
  readonly last_measured_at: number
  readonly fault_score: number
  readonly first_seen: number
  readonly events_total: number
  readonly faults_total: number
  readonly decayed_faults: number
}

export interface FleetTotals {
  devices: number
  devices_normal: number
  devices_warning: number
  devices_critical: number
  events: number
  faults: number
}

/** Everything the serving store must hold, by scope (a type or `all`) and device. */
export interface ServingContents {
  readonly devices: ReadonlyMap<string, DeviceTotals>
  readonly fleets: ReadonlyMap<string, FleetTotals>
  /** Scope -> device -> live score (epoch ms). */
  readonly live: ReadonlyMap<string, ReadonlyMap<string, number>>
  /** `scope:window` -> device -> exact sum of fault scores. */
  readonly windows: ReadonlyMap<string, ReadonlyMap<string, number>>
}

interface Device {
  newest: RankedMeasurement
  firstSeen: number
  events: number
  faults: number
  /** The latest revision of each event. */
  readonly latestById: Map<string, RankedMeasurement>
}

/**
 * Counts from nothing what the serving store must hold after these changes: the yardstick for the scripts that fold them one
 * by one, written the plain way. `changes` need only be in order per device. Memory grows with the list.
 */
export function recount(
  changes: readonly DeviceChange[],
  settings: RankingSettings,
): ServingContents {
  const devices = new Map<string, Device>()
  const streamTime = new Map<string, number>()
  for (const { device_id, measurement } of changes) {
    if (measurement === null) devices.delete(device_id)
    else {
      const device = observe(devices.get(device_id), measurement)
      devices.set(device_id, device)
      for (const scope of [allScope, device.newest.type]) {
        const time = streamTime.get(scope) ?? -Infinity
        streamTime.set(scope, Math.max(time, measurement.measured_at))
      }
    }
  }
  return {
    devices: new Map([...devices].map(([id, device]) => [id, totals(device, settings)])),
    fleets: fleets(devices),
    live: live(devices, settings),
    windows: windows(devices, streamTime, settings),
  }
}

function observe(known: Device | undefined, measurement: RankedMeasurement): Device {
  const device = known ?? {
    newest: measurement,
    firstSeen: measurement.measured_at,
    events: 0,
    faults: 0,
    latestById: new Map<string, RankedMeasurement>(),
  }
  if (measurement.measured_at >= device.newest.measured_at) device.newest = measurement
  device.firstSeen = Math.min(device.firstSeen, measurement.measured_at)
  if (measurement.revision === 1) {
    device.events += 1
    device.faults += isFault(measurement) ? 1 : 0
  }
  device.latestById.set(measurement.event_id, measurement)
  return device
}

function contributions(device: Device): Contribution[] {
  return [...device.latestById.values()].map(({ fault_score, measured_at }) => ({
    units: contributionUnits(fault_score),
    measuredAt: measured_at,
  }))
}

function liveScore(device: Device, { halfLifeMs }: RankingSettings): number | null {
  return decayedScore(contributions(device), { halfLifeMs, unitsPerScore })
}

function totals(device: Device, settings: RankingSettings): DeviceTotals {
  const { newest } = device
  const score = liveScore(device, settings)
  return {
    type: newest.type,
    alert_level: newest.alert_level,
    last_event_id: newest.event_id,
    last_measured_at: newest.measured_at,
    fault_score: newest.fault_score,
    first_seen: device.firstSeen,
    events_total: device.events,
    faults_total: device.faults,
    decayed_faults:
      score === null ? 0 : decayedSumAt(score, newest.measured_at, settings.halfLifeMs),
  }
}

function fleets(devices: ReadonlyMap<string, Device>): Map<string, FleetTotals> {
  const byType = new Map<string, FleetTotals>()
  for (const { newest, events, faults } of devices.values()) {
    const fleet = byType.get(newest.type) ?? {
      devices: 0,
      devices_normal: 0,
      devices_warning: 0,
      devices_critical: 0,
      events: 0,
      faults: 0,
    }
    fleet.devices += 1
    fleet[`devices_${newest.alert_level}`] += 1
    fleet.events += events
    fleet.faults += faults
    byType.set(newest.type, fleet)
  }
  return byType
}

function live(
  devices: ReadonlyMap<string, Device>,
  settings: RankingSettings,
): Map<string, Map<string, number>> {
  const ranking = new Map<string, Map<string, number>>()
  for (const [id, device] of devices) {
    const score = liveScore(device, settings)
    if (score === null) continue
    for (const scope of [allScope, device.newest.type]) entry(ranking, scope).set(id, score)
  }
  return ranking
}

/** Sums over (stream time - length, stream time], where stream time is the newest measured_at of the scope. */
function windows(
  devices: ReadonlyMap<string, Device>,
  streamTime: ReadonlyMap<string, number>,
  settings: RankingSettings,
): Map<string, Map<string, number>> {
  const ranking = new Map<string, Map<string, number>>()
  for (const [id, device] of devices) {
    for (const scope of [allScope, device.newest.type]) {
      for (const [window, lengthMs] of Object.entries(settings.windows)) {
        const start = (streamTime.get(scope) ?? Infinity) - lengthMs
        const units = contributions(device)
          .filter(({ measuredAt }) => measuredAt > start)
          .reduce((sum, contribution) => sum + contribution.units, 0)
        if (units > 0) entry(ranking, `${scope}:${window}`).set(id, units / unitsPerScore)
      }
    }
  }
  return ranking
}

function entry<V>(map: Map<string, Map<string, V>>, key: string): Map<string, V> {
  const found = map.get(key) ?? new Map<string, V>()
  map.set(key, found)
  return found
}
