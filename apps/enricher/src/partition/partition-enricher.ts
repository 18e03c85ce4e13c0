import type { DeadLetter } from '@faultline/contracts/dead-letter'
import type { EnrichedMeasurement } from '@faultline/contracts/enriched-measurement'
import type { Scorer } from '@faultline/core/scoring'
import { remember, seenBefore } from '@faultline/core/state'
import { FaultlineError, isFaultlineError } from '@faultline/runtime/errors'
import type { KafkaRecord, OutputRecord, RecordBatch } from '@faultline/runtime/kafka'
import type { Encode } from '@faultline/runtime/registry'
import type { Catalog, JoinedDevice } from '../catalog/catalog.ts'
import { toChange } from '../change/change.ts'
import { isRefusal, toMeasurement, type Measurement, type Refusal } from '../change/measurement.ts'
import type { RawRecord } from './changelog.ts'
import { enrich } from './enrich.ts'
import type { PartitionStore } from './partition-store.ts'

/** What a partition's enrichment needs of the world; shared by all partitions. */
export interface EnrichmentTools {
  readonly catalog: Catalog
  readonly scorer: Scorer
  readonly decode: (value: Buffer) => Promise<unknown>
  /** The same without waiting; undefined when the schema was not met yet. */
  readonly decodeKnown: (value: Buffer) => { readonly value: unknown } | undefined
  readonly encodeEnriched: Encode<EnrichedMeasurement>
  readonly encodeDeadLetter: Encode<DeadLetter>
  readonly now: () => number
  readonly topics: {
    readonly measurements: string
    readonly enriched: string
    readonly state: string
    readonly deadLetters: string
  }
  readonly limits: {
    readonly parkedMax: number
    readonly deadLetterConsecutiveMax: number
    readonly clockAheadMaxMs: number
  }
}

/** What became of the records of one step, for the metrics. */
type RecordOutcome = 'enriched' | 'parked' | 'dead-letter' | 'redelivered' | 'ignored'

export interface Enrichment {
  readonly records: readonly OutputRecord[]
  readonly outcomes: ReadonlyMap<RecordOutcome, number>
  readonly refusals: ReadonlyMap<string, number>
  /** Newest commit time in PostgreSQL among the enriched, epoch ms; null when none was. */
  readonly newestCommittedAt: number | null
}

interface PartitionEnricherOptions {
  readonly partition: number
  readonly tools: EnrichmentTools
  readonly store: PartitionStore
  /** Nothing is left to read before what is written from now on. */
  readonly isCaughtUp: boolean
}

/**
 * The enrichment of one partition: a fold over its records, the catalog and its own state. It does no I/O but asking for
 * unknown schemas; whoever drives it commits `records` in one transaction with the offset, or throws this away and restores
 * another one from the changelog.
 */
export class PartitionEnricher {
  readonly #partition: number
  readonly #tools: EnrichmentTools
  readonly #store: PartitionStore
  #isCaughtUp: boolean
  /** Deletions of the catalog that were looked at, and devices touched since although they are deleted. */
  #deletionsSeen = 0
  readonly #revived = new Set<string>()
  #step = new StepOutput()

  constructor({ partition, tools, store, isCaughtUp }: PartitionEnricherOptions) {
    this.#partition = partition
    this.#tools = tools
    this.#store = store
    this.#isCaughtUp = isCaughtUp
  }

  get parkedCount(): number {
    return this.#store.parkedCount
  }

  /** The records that follow from a batch. The catalog must be caught up. */
  async onBatch(batch: RecordBatch): Promise<Enrichment> {
    await this.#releaseKnown()
    for (const record of batch.records) await this.#onRecord(record)
    this.#isCaughtUp = batch.nextOffset >= batch.endOffset
    this.#removeDeleted()
    return this.#takeStep()
  }

  /** What a change of the catalog brings about without new records: devices registered or deleted. */
  async onCatalogChange(): Promise<Enrichment> {
    await this.#releaseKnown()
    this.#removeDeleted()
    return this.#takeStep()
  }

  async #onRecord({ key, value, offset }: KafkaRecord): Promise<void> {
    if (value === null) {
      this.#step.count('ignored')
      return
    }
    await this.#onRaw({ key, value, offset })
  }

  async #onRaw(record: RawRecord): Promise<void> {
    const outcome = await this.#read(record)
    if (outcome === null) {
      this.#step.count('ignored')
      return
    }
    if (isRefusal(outcome)) {
      this.#refuse(record, outcome)
      return
    }
    const { deviceId } = outcome
    const joined = this.#store.isParked(deviceId)
      ? undefined
      : this.#tools.catalog.asOf(deviceId, outcome.position)
    if (joined === undefined) this.#wait(record, deviceId)
    else this.#emit(record, outcome, joined)
  }

  /** The measurement of a record, why it is refused, or null for a change that carries none. */
  async #read(record: RawRecord): Promise<Measurement | Refusal | null> {
    let decoded: unknown
    try {
      const known = this.#tools.decodeKnown(record.value)
      decoded = known === undefined ? await this.#tools.decode(record.value) : known.value
    } catch (error) {
      if (isFaultlineError(error, 'RECORD_UNDECODABLE')) {
        return { reason: 'UNDECODABLE', message: error.message }
      }
      if (isFaultlineError(error, 'SCHEMA_UNKNOWN')) {
        return { reason: 'UNKNOWN_SCHEMA', message: error.message }
      }
      throw error
    }
    const change = toChange(decoded)
    if (change === null) return { reason: 'ROW_INVALID', message: 'the record is no change event' }
    // Measurements are append-only (docs/decisions/0003): PostgreSQL refuses updates and deletes of them, and a truncate
    // drops rows whose effect is meant to stay.
    if (change.op !== 'c' && change.op !== 'r') return null
    return toMeasurement(change, this.#tools.limits.clockAheadMaxMs)
  }

  #emit(record: RawRecord, measurement: Measurement, joined: JoinedDevice): void {
    const tools = this.#tools
    if (measurement.readings.length > joined.model.channels.length) {
      this.#refuse(record, {
        reason: 'ROW_INVALID',
        message: `${measurement.readings.length} readings for ${joined.model.channels.length} channels`,
      })
      return
    }
    const state = this.#store.deviceState(measurement.deviceId, joined.model)
    const rowChange = { lsn: measurement.position.lsn, id: measurement.id }
    // Debezium redelivers what it cannot know to be committed, unless Connect runs exactly-once; this costs little.
    if (seenBefore(state, rowChange)) {
      this.#step.count('redelivered')
      return
    }
    const enriched = enrich(tools.scorer, {
      measurement,
      joined,
      state,
      partition: this.#partition,
      offset: record.offset,
      enrichedAt: tools.now(),
    })
    remember(state, rowChange)
    this.#step.add({
      topic: tools.topics.enriched,
      key: Buffer.from(measurement.deviceId),
      value: tools.encodeEnriched(enriched),
    })
    this.#step.count('enriched')
    this.#step.sawCommit(measurement.committedAt)
    this.#store.resetRefused()
    if (tools.catalog.isDeleted(measurement.deviceId)) this.#revived.add(measurement.deviceId)
  }

  #wait(record: RawRecord, deviceId: string): void {
    if (this.#store.parkedCount >= this.#tools.limits.parkedMax) {
      this.#refuse(record, {
        reason: 'DEVICE_UNKNOWN',
        message: `no such device, and ${this.#tools.limits.parkedMax} measurements are waiting already`,
      })
      return
    }
    this.#store.park(deviceId, record)
    this.#step.count('parked')
  }

  #refuse(record: RawRecord, { reason, message }: Refusal): void {
    const tools = this.#tools
    if (this.#store.refusedInARow >= tools.limits.deadLetterConsecutiveMax) {
      throw new FaultlineError(
        'DEAD_LETTER_FLOOD',
        `${this.#store.refusedInARow} records in a row were refused, and the next one would be because of ${reason}`,
        {
          context: { partition: this.#partition, offset: record.offset },
          remedy:
            'Mend what makes records unreadable; if they really are bad, raise DEAD_LETTER_CONSECUTIVE_MAX.',
        },
      )
    }
    this.#store.countRefused()
    const letter: DeadLetter = {
      value: record.value,
      reason,
      message,
      source_topic: tools.topics.measurements,
      source_partition: this.#partition,
      source_offset: record.offset,
      attempts: 1,
      refused_at: tools.now(),
    }
    this.#step.add({
      topic: tools.topics.deadLetters,
      key: record.key,
      value: tools.encodeDeadLetter(letter),
    })
    this.#step.count('dead-letter')
    this.#step.refused(reason)
  }

  /** Enriches what waited for devices that are known by now, in the order in which it came. */
  async #releaseKnown(): Promise<void> {
    for (const deviceId of this.#store.parkedDevices()) {
      if (!this.#tools.catalog.isKnown(deviceId)) continue
      for (const record of this.#store.unpark(deviceId)) await this.#onRaw(record)
    }
  }

  /**
   * A tombstone for each deleted device, once everything before it is enriched: a measurement committed before the deletion
   * but read after it would bring the device back, and is followed by another tombstone then.
   */
  #removeDeleted(): void {
    if (!this.#isCaughtUp) return
    const { catalog, topics } = this.#tools
    const isNews = catalog.deletions > this.#deletionsSeen
    const candidates = isNews ? catalog.deletedDevices() : this.#revived
    this.#deletionsSeen = catalog.deletions
    for (const deviceId of candidates) {
      if (!this.#store.hasDevice(deviceId) || !catalog.isDeleted(deviceId)) continue
      this.#store.removeDevice(deviceId)
      this.#step.add({ topic: topics.enriched, key: Buffer.from(deviceId), value: null })
    }
    this.#revived.clear()
  }

  #takeStep(): Enrichment {
    const step = this.#step
    this.#step = new StepOutput()
    for (const change of this.#store.takeChanges(this.#tools.topics.state)) step.add(change)
    return step
  }
}

/** What one step gathers until it is committed. */
class StepOutput implements Enrichment {
  readonly records: OutputRecord[] = []
  readonly outcomes = new Map<RecordOutcome, number>()
  readonly refusals = new Map<string, number>()
  newestCommittedAt: number | null = null

  add(record: OutputRecord): void {
    this.records.push(record)
  }

  count(outcome: RecordOutcome): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1)
  }

  refused(reason: string): void {
    this.refusals.set(reason, (this.refusals.get(reason) ?? 0) + 1)
  }

  sawCommit(committedAt: number): void {
    this.newestCommittedAt = Math.max(this.newestCommittedAt ?? 0, committedAt)
  }
}
