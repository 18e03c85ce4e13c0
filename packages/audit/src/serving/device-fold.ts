import type { EnrichedMeasurement } from '@faultline/contracts/enriched-measurement'
import { contributionUnits, isFault, unitsPerScore } from '@faultline/core/ranking'
import { DecayedSum } from './decayed-sum.ts'
import type { WrittenRecord } from './written-text.ts'

/** A scored event that may still count in a window; about 150 bytes. */
interface HeldEvent {
  readonly measuredAt: number
  /** 0 where a correction took everything off. */
  readonly units: number
  /** By how much a correction changed it; null for an event that was never corrected. */
  readonly changedBy: number | null
}

export interface WindowEvent {
  readonly id: string
  readonly units: number
  readonly measuredAt: number
}

/** Everything the serving store must say of one device; about 3 KB and 150 bytes a scored event of the last 24 hours. */
export class DeviceFold {
  readonly partition: number
  firstSeen = Infinity
  events = 0
  faults = 0
  /** Types the device had before; Redis may lack events that left the windows of one of them. */
  readonly formerTypes = new Set<string>()
  #newest: WrittenRecord
  #type: string
  #level: EnrichedMeasurement['alert_level']
  #measuredAt: number
  readonly #live: DecayedSum
  /** The same without what corrections took off: what rounding is measured against. */
  readonly #gross: DecayedSum
  /** By how much Redis may rightly differ: corrections of events that had left the windows when it applied them. */
  readonly #slack: DecayedSum
  readonly #held = new Map<string, HeldEvent>()

  constructor(
    first: EnrichedMeasurement,
    { partition, record }: { readonly partition: number; readonly record: WrittenRecord },
    halfLifeMs: number,
  ) {
    this.partition = partition
    this.#newest = record
    this.#type = first.type
    this.#level = first.alert_level
    this.#measuredAt = first.measured_at
    this.#live = new DecayedSum(halfLifeMs)
    this.#gross = new DecayedSum(halfLifeMs)
    this.#slack = new DecayedSum(halfLifeMs)
  }

  get newest(): WrittenRecord {
    return this.#newest
  }
  get type(): string {
    return this.#type
  }
  get alertLevel(): EnrichedMeasurement['alert_level'] {
    return this.#level
  }
  get lastMeasuredAt(): number {
    return this.#measuredAt
  }
  get heldCount(): number {
    return this.#held.size
  }

  /** Takes in what a record says of the device itself. Scores come with `count`, once the clocks know of the record. */
  observe(m: EnrichedMeasurement, record: WrittenRecord): void {
    if (m.measured_at >= this.#measuredAt) {
      if (m.type !== this.#type) this.formerTypes.add(this.#type)
      this.#newest = record
      this.#type = m.type
      this.#level = m.alert_level
      this.#measuredAt = m.measured_at
    }
    this.firstSeen = Math.min(this.firstSeen, m.measured_at)
    if (m.revision > 1) return
    this.events += 1
    this.faults += isFault(m) ? 1 : 0
  }

  /** @param heldSince the time after which the longest window of the device's type begins, epoch ms */
  count(m: EnrichedMeasurement, heldSince: number): void {
    const units = contributionUnits(m.fault_score)
    const before = m.revision > 1 ? this.#held.get(m.event_id) : undefined
    if (m.revision > 1 && before === undefined && m.measured_at <= heldSince) {
      // What it counted before is forgotten, here and in Redis, but perhaps not at the same moment: either is right.
      this.#slack.add(1, m.measured_at)
      return
    }
    const change = units - (before?.units ?? 0)
    if (change !== 0) {
      this.#live.add(change / unitsPerScore, m.measured_at)
      this.#gross.add(Math.abs(change) / unitsPerScore, m.measured_at)
    }
    if (units === 0 && m.revision === 1) return
    const changedBy = m.revision > 1 ? Math.abs(change) + (before?.changedBy ?? 0) : null
    this.#held.set(m.event_id, { measuredAt: m.measured_at, units, changedBy })
  }

  /** Forgets events that no window of the device's type can hold any more. */
  prune(heldSince: number): void {
    for (const [id, { measuredAt, changedBy }] of this.#held) {
      if (measuredAt > heldSince) continue
      if (changedBy !== null) this.#slack.add(changedBy / unitsPerScore, measuredAt)
      this.#held.delete(id)
    }
  }

  /** Scored events after an instant. */
  *eventsAfter(epochMs: number): Generator<WindowEvent> {
    for (const [id, { measuredAt, units }] of this.#held) {
      if (units > 0 && measuredAt > epochMs) yield { id, units, measuredAt }
    }
  }

  /** A scored event after an instant. */
  eventAfter(epochMs: number, id: string): WindowEvent | undefined {
    const held = this.#held.get(id)
    if (held === undefined || held.units === 0 || held.measuredAt <= epochMs) return undefined
    return { id, units: held.units, measuredAt: held.measuredAt }
  }

  /** The decayed sum at an instant, and how far a right answer may be from it. */
  liveSum(epochMs: number): { readonly sum: number; readonly tolerance: number } {
    return {
      sum: this.#live.at(epochMs),
      tolerance: this.#gross.at(epochMs) * relativeRounding + this.#slack.at(epochMs),
    }
  }
}

/** The score in Redis is a time whose last digit is 2^-12 ms: see docs/ranking.md. A step costs at most 3 parts in 10^11. */
const relativeRounding = 1e-6
