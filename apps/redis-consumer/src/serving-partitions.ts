import assert from 'node:assert'
import type { Clock } from '@faultline/runtime/clock'
import { FaultlineError, isFaultlineError, messageOf } from '@faultline/runtime/errors'
import { failpoint } from '@faultline/runtime/failpoints'
import type {
  GroupOffsets,
  KafkaRecord,
  PartitionHandler,
  RecordBatch,
} from '@faultline/runtime/kafka'
import type { Logger } from '@faultline/runtime/logging'
import type { ConsumerMetrics } from './consumer-metrics.ts'
import type { createRecordReader, ReadRecord, RefusedRecord } from './decode-record.ts'
import type { Persist } from './persist.ts'
import type { DeviceRecord, ServingStore } from './serving-store.ts'

/** Records of one script call: Redis serves nobody else meanwhile, a few milliseconds. */
const recordsPerCall = 100
/** How often the group's offset, which is only shown to operators, is brought up to date. */
const hintIntervalMs = 5_000

interface ServingPartitionsOptions {
  readonly topic: string
  readonly store: ServingStore
  readonly readRecords: ReturnType<typeof createRecordReader>
  readonly persist: Persist
  /** Refused records in a row, per partition, after which the process stops. */
  readonly refusedConsecutiveMax: number
  readonly offsets: GroupOffsets
  readonly metrics: ConsumerMetrics
  readonly clock: Clock
  readonly logger: Logger
}

interface Held {
  readonly epoch: number
  /** Next offset to apply; null until the first range of an empty store. */
  next: number | null
  hintedAtMs: number
  refusedInARow: number
}

/** Consecutive records of a partition, those that can be applied and those that are passed over. */
interface Range {
  readonly firstOffset: number
  readonly nextOffset: number
  readonly records: readonly DeviceRecord[]
  readonly refused: readonly RefusedRecord[]
}

/**
 * Applies the partitions of the enriched topic to the serving store. The truth about progress is in the store, together
 * with the effects; the group's committed offset is a hint. A record that cannot be read is counted, logged and passed over,
 * with its offset in the range that is applied.
 */
export class ServingPartitions implements PartitionHandler {
  readonly #options: ServingPartitionsOptions
  readonly #held = new Map<number, Held>()
  /** Where a partition stood before the store lost it. */
  readonly #lostAt = new Map<number, number>()

  constructor(options: ServingPartitionsOptions) {
    this.#options = options
  }

  async takeOver(partition: number): Promise<number | null> {
    const { epoch, nextOffset } = await this.#options.store.takeOver(partition)
    const hintedAtMs = this.#options.clock.now()
    this.#held.set(partition, { epoch, next: nextOffset, hintedAtMs, refusedInARow: 0 })
    this.#options.logger.info({ partition, epoch, nextOffset }, 'partition taken over')
    failpoint('redis.epoch-taken')
    this.#healed(partition, nextOffset)
    return nextOffset
  }

  release(partition: number): void {
    this.#held.delete(partition)
  }

  /** Partitions of which the store lost something that is not back yet. */
  healing(): readonly number[] {
    return [...this.#lostAt.keys()].filter((partition) => this.#held.has(partition))
  }

  async process(batch: RecordBatch): Promise<void> {
    failpoint('redis.polled')
    const held = this.#held.get(batch.partition)
    assert(held !== undefined, 'a batch came for a partition that was not taken over')
    const done = this.#options.metrics.startBatch()
    // Between the stored offset and the batch may lie offsets without records; they belong to its first range.
    let firstOffset = held.next ?? batch.firstOffset
    let applying: Promise<void> = Promise.resolve()
    try {
      for (const chunk of chunks(batch)) {
        // Redis works on the former chunk while this one is decoded.
        const read = await this.#options.persist(() => this.#options.readRecords(chunk.records))
        await applying
        this.#refuseFlood(batch.partition, held, read)
        const { nextOffset } = chunk
        applying = this.#apply(batch.partition, held, { firstOffset, nextOffset, ...sort(read) })
        // It is awaited below; until then a failure must not count as unhandled.
        applying.catch(() => undefined)
        firstOffset = chunk.nextOffset
      }
    } finally {
      await applying
    }
    done(batch)
    await this.#hint(batch.partition, held)
  }

  /**
   * Asks whether the store still holds what was applied; call it between two batches, now and then. A store that lost data
   * says so when records are applied, and of a partition without new ones it would not be asked.
   * @throws FaultlineError SERVING_STORE_BEHIND, SERVING_STORE_FENCED
   */
  async check(partition: number): Promise<void> {
    const held = this.#held.get(partition)
    if (held === undefined || held.next === null) return
    const { next } = held
    // A range of nothing: applied already, unless the store is not the one it was.
    await this.#apply(partition, held, {
      firstOffset: next,
      nextOffset: next,
      records: [],
      refused: [],
    })
  }

  /** @throws FaultlineError DEAD_LETTER_FLOOD */
  #refuseFlood(partition: number, held: Held, read: readonly ReadRecord[]): void {
    const { topic, refusedConsecutiveMax } = this.#options
    for (const item of read) {
      held.refusedInARow = item.kind === 'refused' ? held.refusedInARow + 1 : 0
      if (item.kind === 'read' || held.refusedInARow <= refusedConsecutiveMax) continue
      const { offset, message } = item.refused
      throw new FaultlineError(
        'DEAD_LETTER_FLOOD',
        `${held.refusedInARow} records in a row cannot be read, the last at ${topic}/${partition} offset ${offset}: ${message}`,
        {
          context: { topic, partition, offset },
          remedy: 'Check SCHEMA_REGISTRY_URL and who writes to the enriched topic.',
        },
      )
    }
  }

  async #apply(partition: number, held: Held, { refused, ...range }: Range): Promise<void> {
    const { topic, store, persist, metrics, clock, logger } = this.#options
    const owned = { partition, epoch: held.epoch, continues: held.next !== null }
    try {
      const applied = await persist(() => store.apply({ ...owned, ...range }))
      held.next = range.nextOffset
      this.#healed(partition, held.next)
      metrics.applied(range.records, applied, clock.now())
      if (refused.length === 0) return
      metrics.refused(refused)
      // One line for a call of the script, or a broken writer would fill the log.
      logger.warn(
        {
          topic,
          partition,
          offsets: refused.map(({ offset }) => offset),
          why: refused[0]?.message,
        },
        'records that cannot be read are passed over',
      )
    } catch (error) {
      if (isFaultlineError(error, 'SERVING_STORE_FENCED')) metrics.fenced()
      if (isFaultlineError(error, 'SERVING_STORE_BEHIND')) this.#lost(partition, held)
      throw error
    }
  }

  #lost(partition: number, { next }: Held): void {
    this.#options.metrics.lost()
    if (next !== null) this.#lostAt.set(partition, Math.max(next, this.#lostAt.get(partition) ?? 0))
  }

  #healed(partition: number, next: number | null): void {
    const lostAt = this.#lostAt.get(partition)
    if (lostAt !== undefined && next !== null && next >= lostAt) this.#lostAt.delete(partition)
  }

  async #hint(partition: number, held: Held): Promise<void> {
    const { clock, offsets, logger } = this.#options
    if (held.next === null || clock.now() - held.hintedAtMs < hintIntervalMs) return
    held.hintedAtMs = clock.now()
    failpoint('redis.applied-hint-due')
    try {
      await offsets.commit(partition, { offset: held.next, metadata: '' })
    } catch (error) {
      // Nothing depends on it: a lost partition shows at the next call of the script.
      if (!isFaultlineError(error)) throw error
      logger.info({ partition, reason: messageOf(error) }, 'group offset not committed')
    }
  }
}

function sort(read: readonly ReadRecord[]): Pick<Range, 'records' | 'refused'> {
  return {
    records: read.flatMap((item) => (item.kind === 'read' ? [item.record] : [])),
    refused: read.flatMap((item) => (item.kind === 'refused' ? [item.refused] : [])),
  }
}

/** Cuts a batch into ranges of one script call each; together they cover the batch, also where it holds no record. */
function chunks({
  records,
  nextOffset,
}: RecordBatch): { records: readonly KafkaRecord[]; nextOffset: number }[] {
  const cut = []
  for (let start = 0; start === 0 || start < records.length; start += recordsPerCall) {
    const following = records[start + recordsPerCall]
    cut.push({
      records: records.slice(start, start + recordsPerCall),
      nextOffset: following?.offset ?? nextOffset,
    })
  }
  return cut
}
