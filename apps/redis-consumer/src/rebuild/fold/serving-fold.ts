import { allTypes } from '@faultline/contracts/redis-keys'
import { contributionUnits, isFault } from '@faultline/core/ranking'
import type { ServedMeasurement } from '../../served-measurement.ts'
import type { DeviceRecord } from '../../serving-store.ts'
import { addFault } from './decayed-score.ts'
import { EventLog, type LoggedEvent } from './event-log.ts'
import type { ScopeEvent } from './fault-window.ts'
import { Scope } from './scope.ts'

export interface FoldSettings {
  readonly halfLifeMs: number
  readonly streamEventsMax: number
  readonly windowEventsMax: number
}

/** An event of a device in the longest window of its type, with its entry in the scope of all, where that holds it. */
interface HeldEvent {
  readonly ofType: ScopeEvent
  readonly ofAll: ScopeEvent | null
}

export interface FoldedDevice {
  type: string
  /** The newest measurement and its offset. */
  newest: LoggedEvent
  firstSeen: number
  eventsTotal: number
  faultsTotal: number
  /** The live score (docs/ranking.md), or null. */
  score: number | null
  /** By event id. */
  readonly held: Map<string, HeldEvent>
}

/** How far a partition was folded. */
export interface FoldedPartition {
  nextOffset: number
  /** The newest measured_at, or null where there was none. */
  measuredAt: number | null
}

/** Consecutive records of a partition: they cover the offsets up to nextOffset. */
export interface FoldRange {
  readonly partition: number
  readonly nextOffset: number
  readonly records: readonly DeviceRecord[]
}

/**
 * Folds records into what the scripts of `commands/` would leave in Redis, in memory and forty times as fast. It follows the
 * scripts step by step, and a test holds it to them; the names are theirs. Memory is bounded by the devices, by the events that the
 * windows hold, and by the logs of newest events.
 */
export class ServingFold {
  readonly settings: FoldSettings
  readonly devices = new Map<string, FoldedDevice>()
  readonly scopes = new Map<string, Scope>()
  /** By type. */
  readonly logs = new Map<string, EventLog>()
  readonly partitions = new Map<number, FoldedPartition>()
  readonly #all: Scope
  readonly #touched = new Set<Scope>()

  constructor(settings: FoldSettings) {
    this.settings = settings
    this.#all = this.#scope(allTypes)
  }

  /** Folds a range, as one call of apply-records. */
  apply({ partition, nextOffset, records }: FoldRange): void {
    const reached = this.partitions.get(partition) ?? { nextOffset, measuredAt: null }
    this.partitions.set(partition, reached)
    for (const { offset, device_id, measurement } of records) {
      if (measurement === null) this.#forget(device_id)
      else {
        this.#measure(offset, measurement)
        reached.measuredAt = Math.max(reached.measuredAt ?? -Infinity, measurement.measured_at)
        this.#log(measurement.type).add(partition, { offset, measurement })
      }
    }
    reached.nextOffset = nextOffset
    for (const scope of this.#touched) {
      scope.shrink(this.settings.windowEventsMax, (event) => {
        if (scope !== this.#all) this.devices.get(event.deviceId)?.held.delete(event.id)
      })
    }
    this.#touched.clear()
  }

  #measure(offset: number, measurement: ServedMeasurement): void {
    const { device_id, type, measured_at } = measurement
    let device = this.devices.get(device_id)
    const from = device?.type
    if (device === undefined) {
      device = newDevice({ offset, measurement })
      this.devices.set(device_id, device)
    } else if (measured_at >= device.newest.measurement.measured_at) {
      device.newest = { offset, measurement }
      device.type = type
    }
    device.firstSeen = Math.min(device.firstSeen, measured_at)
    if (measurement.revision === 1) {
      device.eventsTotal += 1
      device.faultsTotal += isFault(measurement) ? 1 : 0
    }
    const scope = this.#scope(device.type)
    this.#advance(scope, measured_at)
    this.#advance(this.#all, measured_at)
    if (from !== undefined && from !== device.type) this.#move(device_id, device, from)
    device.score = this.#count(device, scope, measurement)
  }

  #advance(scope: Scope, measuredAt: number): void {
    scope.streamTime = Math.max(scope.streamTime, measuredAt)
    this.#touched.add(scope)
  }

  /** Brings the windows up to date with a measurement, and returns the device's live score. */
  #count(device: FoldedDevice, scope: Scope, m: ServedMeasurement): number | null {
    const { halfLifeMs } = this.settings
    const { event_id: id, device_id: deviceId, measured_at: measuredAt } = m
    let { score } = device
    if (m.revision > 1) {
      const held = device.held.get(id)
      if (held?.ofType.measuredAt === measuredAt) {
        device.held.delete(id)
        scope.takeBack(held.ofType)
        if (held.ofAll !== null) this.#all.takeBack(held.ofAll)
        score = addFault(score, { units: -held.ofType.units, measuredAt }, halfLifeMs)
      } else if (measuredAt <= scope.streamTime - (scope.windows.at(-1)?.lengthMs ?? 0)) {
        return score
      }
    }
    const units = contributionUnits(m.fault_score)
    if (units === 0) return score
    const event = { id, units, deviceId, measuredAt }
    const ofAll = this.#all.add(event)
    const ofType = scope.add(event)
    if (ofType !== null) device.held.set(id, { ofType, ofAll })
    return addFault(score, event, halfLifeMs)
  }

  /** Ranks a device under another type, with all it has. */
  #move(deviceId: string, device: FoldedDevice, from: string): void {
    const [former, scope] = [this.#scope(from), this.#scope(device.type)]
    this.#touched.add(former)
    const held = [...device.held]
    former.forget(
      deviceId,
      held.map(([, { ofType }]) => ofType),
    )
    for (const [id, { ofType, ofAll }] of held) {
      const moved = scope.add(ofType)
      if (moved === null) device.held.delete(id)
      else device.held.set(id, { ofType: moved, ofAll })
    }
  }

  #forget(deviceId: string): void {
    const device = this.devices.get(deviceId)
    if (device === undefined) return
    const held = [...device.held.values()]
    this.#scope(device.type).forget(
      deviceId,
      held.map(({ ofType }) => ofType),
    )
    this.#all.forget(
      deviceId,
      held.flatMap(({ ofAll }) => (ofAll === null ? [] : [ofAll])),
    )
    this.devices.delete(deviceId)
  }

  #scope(name: string): Scope {
    let scope = this.scopes.get(name)
    if (scope === undefined) {
      scope = new Scope()
      this.scopes.set(name, scope)
    }
    return scope
  }

  #log(type: string): EventLog {
    let log = this.logs.get(type)
    if (log === undefined) {
      log = new EventLog(this.settings.streamEventsMax)
      this.logs.set(type, log)
    }
    return log
  }
}

function newDevice(newest: LoggedEvent): FoldedDevice {
  return {
    type: newest.measurement.type,
    newest,
    firstSeen: newest.measurement.measured_at,
    eventsTotal: 0,
    faultsTotal: 0,
    score: null,
    held: new Map(),
  }
}
