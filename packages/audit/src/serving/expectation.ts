import type { EnrichedMeasurement } from '@faultline/contracts/enriched-measurement'
import { allTypes, rankingWindowMs, rankingWindows } from '@faultline/contracts/redis-keys'
import type { OffsetVector } from '../report.ts'
import { DeviceFold, type WindowEvent } from './device-fold.ts'
import { EventLog } from './event-log.ts'
import { writtenRecord } from './written-text.ts'

export interface ExpectationSettings {
  readonly halfLifeMs: number
  /** REDIS_STREAM_EVENTS_MAX of the consumer. */
  readonly streamEventsMax: number
}

const longestWindowMs = Math.max(...rankingWindows.map((window) => rankingWindowMs[window]))

/** A log is trimmed in whole nodes, so Redis holds a few more than the setting says. */
const trimSlack = 200

/** The window events of a scope are pruned once in so many records. */
const pruneEvery = 100_000

export interface FleetCounts {
  devices: number
  devices_normal: number
  devices_warning: number
  devices_critical: number
  events: number
  faults: number
}

/**
 * What the serving store must hold once the records below an offset vector are applied. It folds the enriched topic one record
 * at a time and knows nothing of how the Redis consumer does it. Per partition the records come in offset order; partitions may
 * come in any order. Memory: about 3 KB a device, 150 bytes a scored event of the last 24 hours, 500 bytes an entry of the logs.
 */
export class ServingExpectation {
  readonly settings: ExpectationSettings
  /** False where the topic lost its beginning: totals cannot be counted, and what seems superfluous may come from before. */
  isWhole = true
  readonly #devices = new Map<string, DeviceFold>()
  /** Stream time by scope, epoch ms. */
  readonly #clocks = new Map<string, number>()
  readonly #logs = new Map<string, EventLog>()
  readonly #next = new Map<number, number>()
  readonly #measuredAt = new Map<number, number>()
  /** The most scored events that the longest window of a scope held, about. */
  readonly #peaks = new Map<string, number>()
  #crowded: ReadonlySet<string> = new Set()
  #sincePrune = 0

  constructor(settings: ExpectationSettings) {
    this.settings = settings
  }

  /** Folds a record; null: the removal of its device. */
  apply(
    partition: number,
    offset: number,
    deviceId: string,
    measurement: EnrichedMeasurement | null,
  ): void {
    this.passed(partition, offset + 1)
    if (measurement === null) this.#devices.delete(deviceId)
    else this.#observe({ partition, offset }, deviceId, measurement)
    this.#sincePrune += 1
    if (this.#sincePrune >= pruneEvery) this.prune()
  }

  /** Everything of a partition below `next` was given, whether there was a record or not. */
  passed(partition: number, next: number): void {
    this.#next.set(partition, next)
  }

  /** Next offset of each partition that was given anything. */
  offsets(): OffsetVector {
    return new Map(this.#next)
  }

  /** The newest measured_at of a partition, epoch ms. */
  newestMeasuredAt(partition: number): number | undefined {
    return this.#measuredAt.get(partition)
  }

  deviceIds(): readonly string[] {
    return [...this.#devices.keys()]
  }

  device(id: string): DeviceFold | undefined {
    return this.#devices.get(id)
  }

  /** Scopes that have a clock: every type that was ever seen, and `all`. */
  clocks(): ReadonlyMap<string, number> {
    return this.#clocks
  }

  logs(): ReadonlyMap<string, EventLog> {
    return this.#logs
  }

  fleets(): ReadonlyMap<string, FleetCounts> {
    const fleets = new Map<string, FleetCounts>()
    for (const device of this.#devices.values()) {
      const fleet = fleets.get(device.type) ?? { ...emptyFleet }
      fleets.set(device.type, fleet)
      fleet.devices += 1
      fleet[`devices_${device.alertLevel}`] += 1
      fleet.events += device.events
      fleet.faults += device.faults
    }
    return fleets
  }

  /** Whether a device is ranked in a scope. */
  isIn(device: DeviceFold, scope: string): boolean {
    return scope === allTypes || device.type === scope
  }

  /** The events of a device that a window of a scope covers. */
  *windowEvents(device: DeviceFold, scope: string, lengthMs: number): Generator<WindowEvent> {
    const clock = this.#clocks.get(scope)
    if (clock !== undefined && this.isIn(device, scope)) yield* device.eventsAfter(clock - lengthMs)
  }

  /** One of those events, by its id. */
  windowEvent(
    device: DeviceFold,
    scope: string,
    { lengthMs, id }: { readonly lengthMs: number; readonly id: string },
  ): WindowEvent | undefined {
    const clock = this.#clocks.get(scope)
    if (clock === undefined || !this.isIn(device, scope)) return undefined
    return device.eventAfter(clock - lengthMs, id)
  }

  indexedEvent(device: DeviceFold, id: string): WindowEvent | undefined {
    return this.windowEvent(device, device.type, { lengthMs: longestWindowMs, id })
  }

  /** The events that Redis keeps in the index of a device: those of the longest window of its type. */
  *indexedEvents(device: DeviceFold): Generator<WindowEvent> {
    yield* this.windowEvents(device, device.type, longestWindowMs)
  }

  /** Scopes whose windows had no room for all events, as Redis says; which events were dropped depends on its past. */
  setCrowded(scopes: ReadonlySet<string>): void {
    this.#crowded = scopes
  }

  /**
   * Whether Redis may rightly lack an event of a scope's window: the window was full, or a type that the device had before was
   * ahead in time and had lost the event when the device moved.
   */
  mayBeGone(device: DeviceFold, scope: string, measuredAt: number): boolean {
    if (this.#crowded.has(scope)) return true
    if (scope === allTypes) return false
    return [...device.formerTypes].some(
      (type) => measuredAt <= (this.#clocks.get(type) ?? -Infinity) - longestWindowMs,
    )
  }

  /** The most events that the longest window of a scope ever held, about: below its bound nothing may have been dropped. */
  windowPeak(scope: string): number {
    return this.#peaks.get(scope) ?? 0
  }

  /** Forgets events that no window can hold any more. */
  prune(): void {
    this.#sincePrune = 0
    const held = new Map<string, number>()
    for (const device of this.#devices.values()) {
      for (const scope of [device.type, allTypes]) {
        held.set(scope, (held.get(scope) ?? 0) + device.heldCount)
      }
      device.prune(this.#heldSince(device.type))
    }
    for (const [scope, count] of held) {
      this.#peaks.set(scope, Math.max(count, this.windowPeak(scope)))
    }
  }

  #observe(at: { partition: number; offset: number }, id: string, m: EnrichedMeasurement): void {
    const { halfLifeMs, streamEventsMax } = this.settings
    const logged = { ...at, record: writtenRecord(m, at.offset) }
    const known = this.#devices.get(id)
    const device = known ?? new DeviceFold(m, logged, halfLifeMs)
    if (known === undefined) this.#devices.set(id, device)
    device.observe(m, logged.record)
    for (const scope of [device.type, allTypes]) {
      this.#clocks.set(scope, Math.max(this.#clocks.get(scope) ?? -Infinity, m.measured_at))
    }
    device.count(m, this.#heldSince(device.type))
    const newest = this.#measuredAt.get(at.partition) ?? -Infinity
    this.#measuredAt.set(at.partition, Math.max(newest, m.measured_at))
    const log = this.#logs.get(m.type) ?? new EventLog(streamEventsMax + trimSlack)
    this.#logs.set(m.type, log)
    log.push(logged)
  }

  #heldSince(type: string): number {
    return (this.#clocks.get(type) ?? -Infinity) - longestWindowMs
  }
}

const emptyFleet: FleetCounts = {
  devices: 0,
  devices_normal: 0,
  devices_warning: 0,
  devices_critical: 0,
  events: 0,
  faults: 0,
}
