import { decayedSumAt, type ServingContents } from '@faultline/core/ranking'

const unitsPerScore = 2 ** 20
const halfLifeMs = 3_600_000
const windows = { '1h': 3_600_000, '24h': 86_400_000 }

/** What of an enriched record the rankings depend on. */
export interface Ranked {
  readonly id: number
  readonly type: string
  readonly measuredAt: number
  readonly faultScore: number
  readonly alertLevel: 'normal' | 'warning' | 'critical'
  readonly reasons: number
  readonly revision: number
}

class DeviceCount {
  newest: Ranked
  firstSeen: number
  events = 0
  faults = 0
  /** Triples: event id, measured_at, units; only of those that count for something. */
  counted: number[] = []

  constructor(first: Ranked) {
    this.newest = first
    this.firstSeen = first.measuredAt
  }

  add(ranked: Ranked): void {
    if (ranked.measuredAt >= this.newest.measuredAt) this.newest = ranked
    this.firstSeen = Math.min(this.firstSeen, ranked.measuredAt)
    if (ranked.revision === 1) {
      this.events += 1
      if (ranked.reasons > 0 || ranked.alertLevel === 'critical') this.faults += 1
    } else this.#takeBack(ranked.id)
    const units = Math.round(ranked.faultScore * unitsPerScore)
    if (units > 0) this.counted.push(ranked.id, ranked.measuredAt, units)
  }

  #takeBack(id: number): void {
    const at = this.counted.findIndex((value, index) => index % 3 === 0 && value === id)
    if (at >= 0) this.counted.splice(at, 3)
  }

  /** Units of what was measured after `start`. */
  unitsAfter(start: number): number {
    let units = 0
    for (let i = 0; i < this.counted.length; i += 3) {
      if ((this.counted[i + 1] ?? 0) > start) units += this.counted[i + 2] ?? 0
    }
    return units
  }

  /** The instant at which the decayed sum is 1 (docs/ranking.md), or null where there is none. */
  liveScore(): number | null {
    let newest = -Infinity
    for (let i = 1; i < this.counted.length; i += 3) newest = Math.max(newest, this.counted[i] ?? 0)
    let sum = 0
    for (let i = 0; i < this.counted.length; i += 3) {
      const age = (this.counted[i + 1] ?? 0) - newest
      sum += ((this.counted[i + 2] ?? 0) / unitsPerScore) * 2 ** (age / halfLifeMs)
    }
    return sum > 0 ? newest + halfLifeMs * Math.log2(sum) : null
  }
}

/**
 * Counts what Redis must hold, from the records of the topic and by nothing that the consumer uses. It keeps three numbers for
 * each fault and a few for each device, so that a long campaign fits in memory.
 */
export class RankingRecount {
  readonly #devices = new Map<string, DeviceCount>()
  readonly #streamTime = new Map<string, number>()

  /** A record of the topic in its order; null: the device is removed. */
  add(deviceId: string, ranked: Ranked | null): void {
    if (ranked === null) {
      this.#devices.delete(deviceId)
      return
    }
    const device = this.#devices.get(deviceId) ?? new DeviceCount(ranked)
    this.#devices.set(deviceId, device)
    device.add(ranked)
    for (const scope of ['all', device.newest.type]) {
      const time = this.#streamTime.get(scope) ?? -Infinity
      this.#streamTime.set(scope, Math.max(time, ranked.measuredAt))
    }
  }

  contents(): ServingContents {
    const contents = {
      devices: new Map<string, unknown>(),
      fleets: new Map<string, Record<string, number>>(),
      live: new Map<string, Map<string, number>>(),
      windows: new Map<string, Map<string, number>>(),
    }
    for (const [id, device] of this.#devices) {
      const { newest, events, faults, firstSeen } = device
      const score = device.liveScore()
      contents.devices.set(id, {
        type: newest.type,
        alert_level: newest.alertLevel,
        last_event_id: String(newest.id),
        last_measured_at: newest.measuredAt,
        fault_score: newest.faultScore,
        first_seen: firstSeen,
        events_total: events,
        faults_total: faults,
        decayed_faults: score === null ? 0 : decayedSumAt(score, newest.measuredAt, halfLifeMs),
      })
      addToFleet(contents.fleets, device)
      this.#rank(contents, id, device)
    }
    return contents as unknown as ServingContents
  }

  #rank(
    contents: Pick<
      { live: Map<string, Map<string, number>>; windows: Map<string, Map<string, number>> },
      'live' | 'windows'
    >,
    id: string,
    device: DeviceCount,
  ): void {
    const score = device.liveScore()
    for (const scope of ['all', device.newest.type]) {
      if (score !== null) entry(contents.live, scope).set(id, score)
      for (const [window, lengthMs] of Object.entries(windows)) {
        const units = device.unitsAfter((this.#streamTime.get(scope) ?? Infinity) - lengthMs)
        if (units > 0) entry(contents.windows, `${scope}:${window}`).set(id, units / unitsPerScore)
      }
    }
  }
}

function addToFleet(fleets: Map<string, Record<string, number>>, device: DeviceCount): void {
  const fleet = fleets.get(device.newest.type) ?? {
    devices: 0,
    devices_normal: 0,
    devices_warning: 0,
    devices_critical: 0,
    events: 0,
    faults: 0,
  }
  fleets.set(device.newest.type, fleet)
  const add = (field: string, by: number): void => {
    fleet[field] = (fleet[field] ?? 0) + by
  }
  add('devices', 1)
  add(`devices_${device.newest.alertLevel}`, 1)
  add('events', device.events)
  add('faults', device.faults)
}

function entry(map: Map<string, Map<string, number>>, key: string): Map<string, number> {
  const found = map.get(key) ?? new Map<string, number>()
  map.set(key, found)
  return found
}
