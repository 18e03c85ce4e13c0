import { createHash, type Hash } from 'node:crypto'
import type { EnrichedMeasurement } from '@faultline/contracts/enriched-measurement'
import { recomputeScore } from '@faultline/core/scoring'
import type { Ledger } from './ledger.ts'
import { RankingRecount } from './ranking-recount.ts'
import type { TailRecord } from './topic-tail.ts'
import type { Violations } from './violations.ts'

/** What ClickHouse must hold of a partition of the topic. */
export interface PartitionTotals {
  records: number
  removals: number
  offsetSum: number
  idSum: number
  /** Readings of first revisions that are numbers, and their sum (exact: all are quarters). */
  readings: number
  readingSum: number
}

interface DeviceProgress {
  /** Of the raw topic. */
  sourceOffset: number
  /** `features.events` of its last record: the state's count, which has to go up by one. */
  events: number
}

/**
 * Reads the enriched topic record by record and holds each to what must be true of it: once, in order, of a row that was
 * committed, with a score that follows from its explanation, and with state that went on exactly where it was.
 */
export class EnrichedFold {
  readonly #ledger: Ledger
  readonly #violations: Violations
  readonly #revisions = new Map<number, number>()
  readonly #devices = new Map<string, DeviceProgress>()
  readonly #hashes = new Map<number, Hash>()
  readonly #lastOffsets = new Map<number, number>()
  readonly partitions = new Map<number, PartitionTotals>()
  readonly recount = new RankingRecount()
  #seen = new Uint8Array(65_536)
  #events = 0
  #removals = 0

  constructor(ledger: Ledger, violations: Violations) {
    this.#ledger = ledger
    this.#violations = violations
  }

  /** Different rows seen. */
  get events(): number {
    return this.#events
  }

  get records(): number {
    return [...this.partitions.values()].reduce((sum, { records }) => sum + records, 0)
  }

  get removals(): number {
    return this.#removals
  }

  has(id: number): boolean {
    return (this.#seen[id] ?? 0) > 0
  }

  lastOffset(partition: number): number {
    return this.#lastOffsets.get(partition) ?? -1
  }

  /** Of everything read so far, in order: offset, key and value of each record. */
  digest(partition: number): string {
    return this.#hashes.get(partition)?.copy().digest('hex') ?? ''
  }

  /** @param measurement the decoded value; null for a removal */
  add(partition: number, record: TailRecord, measurement: EnrichedMeasurement | null): void {
    this.#inSequence(partition, record)
    const deviceId = String(record.key)
    const totals = this.#totals(partition)
    if (measurement === null) {
      this.#removals += 1
      totals.removals += 1
      this.recount.add(deviceId, null)
      return
    }
    const id = Number(measurement.event_id)
    this.#once(id, measurement)
    this.#inOrder(deviceId, partition, measurement)
    this.#derived(id, deviceId, measurement)
    totals.records += 1
    totals.offsetSum += record.offset
    totals.idSum += id
    if (measurement.revision === 1) addReadings(totals, measurement.readings)
    this.recount.add(deviceId, {
      id,
      type: measurement.type,
      measuredAt: measurement.measured_at,
      faultScore: measurement.fault_score,
      alertLevel: measurement.alert_level,
      reasons: measurement.fault_reasons.length,
      revision: measurement.revision,
    })
  }

  #inSequence(partition: number, { offset, key, value }: TailRecord): void {
    const last = this.#lastOffsets.get(partition) ?? -1
    this.#violations.checked('I4')
    if (offset <= last) {
      this.#violations.add('I4', `partition ${partition} went back from ${last} to ${offset}`)
    }
    this.#lastOffsets.set(partition, offset)
    const hash = this.#hashes.get(partition) ?? createHash('sha256')
    this.#hashes.set(partition, hash)
    hash.update(`${offset};`)
    if (key !== null) hash.update(key)
    if (value !== null) hash.update(value)
  }

  #once(id: number, { revision, device_id }: EnrichedMeasurement): void {
    this.#violations.checked('I2')
    const before = revision === 1 ? (this.#seen[id] ?? 0) : (this.#revisions.get(id) ?? 1)
    if (before >= revision) {
      this.#violations.add(
        'I2',
        `row ${id} of ${device_id} is enriched twice (revision ${revision})`,
      )
      return
    }
    if (revision > 1) this.#revisions.set(id, revision)
    if (id >= this.#seen.length) {
      const larger = new Uint8Array(Math.max(id + 1, this.#seen.length * 2))
      larger.set(this.#seen)
      this.#seen = larger
    }
    if (this.#seen[id] === 0) this.#events += 1
    this.#seen[id] = 1
  }

  #inOrder(deviceId: string, partition: number, measurement: EnrichedMeasurement): void {
    const { source, features, revision } = measurement
    this.#violations.checked('I3')
    const before = this.#devices.get(deviceId)
    if (source.partition !== partition) {
      this.#violations.add(
        'I3',
        `${deviceId} moved from partition ${source.partition} to ${partition}`,
      )
    }
    if (revision > 1) return
    if (before !== undefined && source.offset <= before.sourceOffset) {
      this.#violations.add(
        'I3',
        `${deviceId}: source offset ${source.offset} after ${before.sourceOffset}`,
      )
    }
    this.#violations.checked('I5')
    // A device begins anew with its first row from after its deletion, wherever the removal is among the records.
    const events = features['events'] ?? 0
    const isAnew = events === 1 && this.#ledger.deleted.has(deviceId)
    if (!isAnew && events !== (before?.events ?? 0) + 1) {
      this.#violations.add(
        'I5',
        `${deviceId}: the state has counted ${events} events after ${before?.events ?? 0}, at row ${measurement.event_id}`,
      )
    }
    this.#devices.set(deviceId, { sourceOffset: source.offset, events })
  }

  #derived(id: number, deviceId: string, measurement: EnrichedMeasurement): void {
    const { explanation, fault_score, fault_reasons, alert_level } = measurement
    this.#violations.checked('I6')
    if (recomputeScore(explanation) !== fault_score) {
      this.#violations.add('I6', `the score of row ${id} does not follow from its explanation`)
    }
    // The reader may be ahead of the writer, who has not heard yet that its commit succeeded.
    const kind = this.#ledger.kindOf(id)
    if (kind === 'none') return
    if (this.#ledger.deviceOf(id) !== deviceId) {
      this.#violations.add(
        'I6',
        `row ${id} belongs to ${this.#ledger.deviceOf(id)}, not ${deviceId}`,
      )
    }
    if (kind === 'fault' && (fault_reasons.length === 0 || alert_level === 'normal')) {
      this.#violations.add('I6', `row ${id} of ${deviceId} is a fault and is not taken for one`)
    }
    if (kind === 'clock' || kind === 'too-many') {
      this.#violations.add('I6', `row ${id} of ${deviceId} is bad (${kind}) and was enriched`)
    }
  }

  #totals(partition: number): PartitionTotals {
    const found = this.partitions.get(partition) ?? {
      records: 0,
      removals: 0,
      offsetSum: 0,
      idSum: 0,
      readings: 0,
      readingSum: 0,
    }
    this.partitions.set(partition, found)
    return found
  }
}

function addReadings(totals: PartitionTotals, readings: readonly number[]): void {
  for (const reading of readings) {
    if (!Number.isFinite(reading)) continue
    totals.readings += 1
    totals.readingSum += reading
  }
}
