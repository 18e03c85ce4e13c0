import { replayHeaders, type DeadLetter } from '@faultline/contracts/dead-letter'
import type { PackedMeasurement } from '@faultline/contracts/enriched-measurement'
import type { Scorer } from '@faultline/core/scoring'
import { comparePositions, type LogPosition } from '@faultline/core/join'
import { advancePosition, eventCount, lastPosition, type DeviceState } from '@faultline/core/state'
import { FaultlineError, isFaultlineError } from '@faultline/runtime/errors'
import type { KafkaRecord, RecordBatch } from '@faultline/runtime/kafka'
import type { Encode } from '@faultline/runtime/registry'
import type { Catalog, JoinedDevice } from '../catalog/catalog.ts'
import { toChange } from '../change/change.ts'
import { isRefusal, toMeasurement, type Measurement, type Refusal } from '../change/measurement.ts'
import type { ParkedRecord, RawRecord } from './changelog.ts'
import { StepOutput, type Enrichment } from './step.ts'
import { enrich } from './enrich.ts'
import type { PartitionStore, StoreLimits } from './partition-store.ts'

/** What a partition's enrichment needs of the world; shared by all partitions. */
export interface EnrichmentTools {
  readonly catalog: Catalog
  readonly scorer: Scorer
  readonly decode: (value: Buffer) => Promise<unknown>
  /** The same without waiting; undefined when the schema was not met yet. */
  readonly decodeKnown: (value: Buffer) => { readonly value: unknown } | undefined
  readonly encodeEnriched: Encode<PackedMeasurement>
  readonly encodeDeadLetter: Encode<DeadLetter>
  readonly now: () => number
  readonly topics: {
    readonly measurements: string
    readonly enriched: string
    readonly state: string
    readonly deadLetters: string
  }
  readonly limits: StoreLimits & {
    readonly parkedMax: number
    readonly clockAheadMaxMs: number
  }
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
  /** Devices whose tombstone is written and whose state is still held. */
  readonly #ended = new Set<string>()
  /** Of the devices whose state is held, those whose last record is a tombstone, as far as this process wrote it. */
  readonly #removed = new Set<string>()
  /** Of devices that wait, where the first of their measurements was committed; read from the record when it is asked for. */
  readonly #waitingSince = new Map<string, LogPosition>()
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
    for (const record of batch.records) {
      // Waiting even for what is there already would take as long as a tenth of the work.
      const waiting = this.#onRecord(record)
      if (waiting !== undefined) await waiting
    }
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

  /** A promise only where the record's schema has to be asked for first. */
  #onRecord({ key, value, offset, headers }: KafkaRecord): Promise<void> | undefined {
    if (value === null) {
      this.#step.count('ignored')
      return undefined
    }
    const attempts = Number(headers?.[replayHeaders.attempts] ?? 0)
    const record = { key, value, offset, attempts: Number.isSafeInteger(attempts) ? attempts : 0 }
    const outcome = this.#readKnown(record)
    if (outcome === undefined) {
      return this.#readUnknown(record).then((read) => {
        this.#onOutcome(record, read)
      })
    }
    this.#onOutcome(record, outcome)
    return undefined
  }

  #onOutcome(record: RawRecord, outcome: Measurement | Refusal | null): void {
    if (outcome === null) this.#step.count('ignored')
    else if (isRefusal(outcome)) this.#refuse(record, outcome)
    else this.#onMeasurement(record, outcome)
  }

  #onMeasurement(record: RawRecord, measurement: Measurement): void {
    const standing = this.#store.rows.standing(measurement)
    // Debezium delivers again what it cannot know to be committed, and so does whoever replays a dead letter twice.
    if (standing === 'seen') {
      this.#step.count('redelivered')
      this.#store.refusals.accepted(false)
      return
    }
    if (standing === 'unknown') {
      this.#refuse(record, {
        reason: 'ROW_FORGOTTEN',
        message: 'the row is so old that it is not known any more whether it was taken in',
      })
      return
    }
    const { deviceId } = measurement
    const joined = this.#store.isParked(deviceId)
      ? undefined
      : this.#tools.catalog.asOf(deviceId, measurement.position)
    if (joined === undefined) this.#wait(record, measurement)
    else this.#emit(record, measurement, joined)
  }

  /** The measurement of a record, why it is refused, or null for a change that carries none. */
  async #read(record: RawRecord): Promise<Measurement | Refusal | null> {
    const known = this.#readKnown(record)
    return known === undefined ? this.#readUnknown(record) : known
  }

  /** The same without waiting; undefined where the record's schema was not met yet. */
  #readKnown({ value }: RawRecord): Measurement | Refusal | null | undefined {
    try {
      const known = this.#tools.decodeKnown(value)
      return known === undefined ? undefined : this.#interpret(known.value)
    } catch (error) {
      return refusalOf(error)
    }
  }

  async #readUnknown({ value }: RawRecord): Promise<Measurement | Refusal | null> {
    try {
      return this.#interpret(await this.#tools.decode(value))
    } catch (error) {
      return refusalOf(error)
    }
  }

  #interpret(decoded: unknown): Measurement | Refusal | null {
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
      this.#store.rows.remove(measurement.id)
      this.#refuse(record, {
        reason: 'ROW_INVALID',
        message: `${measurement.readings.length} readings for ${joined.model.channels.length} channels`,
      })
      return
    }
    const state = this.#deviceState(measurement, joined)
    const enriched = enrich(tools.scorer, {
      measurement,
      joined,
      state,
      partition: this.#partition,
      offset: record.offset,
      enrichedAt: tools.now(),
    })
    advancePosition(state, measurement.position)
    this.#store.rows.add(measurement)
    this.#step.add({
      topic: tools.topics.enriched,
      key: joined.key,
      value: tools.encodeEnriched(enriched),
    })
    this.#removed.delete(measurement.deviceId)
    this.#step.count('enriched')
    this.#step.sawCommit(measurement.committedAt)
    this.#store.refusals.accepted(true)
    if (tools.catalog.isDeleted(measurement.deviceId)) this.#revived.add(measurement.deviceId)
  }

  /**
   * What is known of the device. It ends where the log deletes the device, whenever that was noticed: a measurement committed
   * after it begins anew, so that a replay gives the same. A tombstone goes before it, because a device that is registered again
   * before its end was noticed got none.
   */
  #deviceState({ deviceId, position }: Measurement, { model }: JoinedDevice): DeviceState {
    const state = this.#store.deviceState(deviceId, model)
    const isOver =
      eventCount(state) > 0 &&
      this.#tools.catalog.wasDeletedBetween(deviceId, lastPosition(state), position)
    if (!isOver) return state
    if (!this.#removed.has(deviceId)) this.#addTombstone(deviceId)
    return this.#store.restartDevice(deviceId, model)
  }

  #wait(record: RawRecord, measurement: Measurement): void {
    if (this.#store.parkedCount >= this.#tools.limits.parkedMax) {
      this.#store.rows.remove(measurement.id)
      this.#refuse(record, {
        reason: 'DEVICE_UNKNOWN',
        message: `no such device, and ${this.#tools.limits.parkedMax} measurements are waiting already`,
      })
      return
    }
    this.#store.park(measurement.deviceId, { ...record, rowId: measurement.id })
    this.#store.rows.add(measurement)
    this.#store.refusals.accepted(false)
    this.#step.count('parked')
  }

  #refuse(record: RawRecord, { reason, message }: Refusal): void {
    const tools = this.#tools
    const reached = this.#store.refusals.limitReached()
    if (reached !== null) {
      throw new FaultlineError(
        'DEAD_LETTER_FLOOD',
        `${reached}, and the next one would be because of ${reason}`,
        {
          context: { partition: this.#partition, offset: record.offset },
          remedy:
            'Mend what makes records unreadable, then restart; if they really are bad, raise DEAD_LETTER_CONSECUTIVE_MAX or DEAD_LETTER_RATIO_MAX. A restart alone goes no further.',
        },
      )
    }
    this.#store.refusals.refused()
    const letter: DeadLetter = {
      value: record.value,
      reason,
      message,
      source_topic: tools.topics.measurements,
      source_partition: this.#partition,
      source_offset: record.offset,
      attempts: record.attempts + 1,
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

  /**
   * Enriches what waited for a registration that came, in the order in which it came. The device may be deleted again by now:
   * a registration that nobody saw while it stood counts as well, or a replay would give something else.
   */
  async #releaseKnown(): Promise<void> {
    for (const deviceId of this.#store.parkedDevices()) {
      const since = await this.#firstWaiting(deviceId)
      if (since !== null && this.#tools.catalog.asOf(deviceId, since) === undefined) continue
      this.#waitingSince.delete(deviceId)
      for (const record of this.#store.unpark(deviceId)) await this.#onReleased(record)
    }
  }

  /** Where the first waiting measurement of a device was committed: what it can join, counts for those after it too. */
  async #firstWaiting(deviceId: string): Promise<LogPosition | null> {
    const known = this.#waitingSince.get(deviceId)
    if (known !== undefined) return known
    const record = this.#store.firstParked(deviceId)
    const outcome = record === undefined ? null : await this.#read(record)
    if (outcome === null || isRefusal(outcome)) return null
    this.#waitingSince.set(deviceId, outcome.position)
    return outcome.position
  }

  /** A record that waited: its row was noted as taken in when it came, which a refusal takes back. */
  async #onReleased(record: ParkedRecord): Promise<void> {
    const outcome = await this.#read(record)
    if (outcome === null) return
    if (isRefusal(outcome)) {
      if (record.rowId !== null) this.#store.rows.remove(record.rowId)
      this.#refuse(record, outcome)
      return
    }
    const joined = this.#tools.catalog.asOf(outcome.deviceId, outcome.position)
    if (joined === undefined) this.#wait(record, outcome)
    else this.#emit(record, outcome, joined)
  }

  /**
   * A tombstone for each deleted device, once everything before it is enriched: a measurement committed before the deletion
   * but read after it would bring the device back, and is followed by another tombstone then.
   */
  #removeDeleted(): void {
    this.#forgetEnded()
    if (!this.#isCaughtUp) return
    const { catalog } = this.#tools
    const isNews = catalog.deletions > this.#deletionsSeen
    const candidates = isNews ? catalog.deletedDevices() : this.#revived
    this.#deletionsSeen = catalog.deletions
    for (const deviceId of candidates) {
      if (!this.#store.hasDevice(deviceId) || !catalog.isDeleted(deviceId)) continue
      if (this.#ended.has(deviceId) && !this.#revived.has(deviceId)) continue
      this.#ended.add(deviceId)
      this.#addTombstone(deviceId)
    }
    this.#revived.clear()
    this.#forgetEnded()
  }

  /** The state of a deleted device is kept until nothing committed before the deletion can come any more. */
  #forgetEnded(): void {
    const newest: LogPosition = this.#store.rows.newestPosition
    for (const deviceId of this.#ended) {
      // Its last measurement still has to be followed by a tombstone, which only a known device gets.
      if (this.#revived.has(deviceId)) continue
      const since = this.#tools.catalog.deletedSince(deviceId)
      if (since !== undefined && comparePositions(newest, since) <= 0) continue
      if (since !== undefined) {
        this.#store.removeDevice(deviceId)
        this.#removed.delete(deviceId)
      }
      this.#ended.delete(deviceId)
    }
  }

  #addTombstone(deviceId: string): void {
    const { enriched } = this.#tools.topics
    this.#step.add({ topic: enriched, key: Buffer.from(deviceId), value: null })
    this.#removed.add(deviceId)
  }

  #takeStep(): Enrichment {
    const step = this.#step
    this.#step = new StepOutput()
    for (const change of this.#store.takeChanges(this.#tools.topics.state)) step.add(change)
    return step
  }
}

/** @throws the error itself where it is not the record's */
function refusalOf(error: unknown): Refusal {
  if (isFaultlineError(error, 'RECORD_UNDECODABLE')) {
    return { reason: 'UNDECODABLE', message: error.message }
  }
  if (isFaultlineError(error, 'SCHEMA_UNKNOWN')) {
    return { reason: 'UNKNOWN_SCHEMA', message: error.message }
  }
  throw error
}
