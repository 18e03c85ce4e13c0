import assert from 'node:assert'
import type { Clock } from '@faultline/runtime/clock'
import { isFaultlineError, messageOf } from '@faultline/runtime/errors'
import type {
  GroupOffsets,
  KafkaRecord,
  PartitionHandler,
  RecordBatch,
} from '@faultline/runtime/kafka'
import type { Logger } from '@faultline/runtime/logging'
import type { ConsumerMetrics } from './consumer-metrics.ts'
import type { createRecordReader } from './decode-record.ts'
import type { Persist } from './persist.ts'
import type { DeviceRecord, ServingStore } from './serving-store.ts'

/** Records of one script call: Redis serves nobody else meanwhile, a few milliseconds. */
const recordsPerCall = 100
/** How often the group's offset, which is only shown to operators, is brought up to date. */
const hintIntervalMs = 5_000

interface ServingPartitionsOptions {
  readonly store: ServingStore
  readonly readRecords: ReturnType<typeof createRecordReader>
  readonly persist: Persist
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
}

/**
 * Applies the partitions of the enriched topic to the serving store. The truth about progress is in the store, together
 * with the effects; the group's committed offset is a hint.
 */
export class ServingPartitions implements PartitionHandler {
  readonly #options: ServingPartitionsOptions
  readonly #held = new Map<number, Held>()

  constructor(options: ServingPartitionsOptions) {
    this.#options = options
  }

  async takeOver(partition: number): Promise<number | null> {
    const { epoch, nextOffset } = await this.#options.store.takeOver(partition)
    this.#held.set(partition, { epoch, next: nextOffset, hintedAtMs: this.#options.clock.now() })
    this.#options.logger.info({ partition, epoch, nextOffset }, 'partition taken over')
    return nextOffset
  }

  release(partition: number): void {
    this.#held.delete(partition)
  }

  async process(batch: RecordBatch): Promise<void> {
    const held = this.#held.get(batch.partition)
    assert(held !== undefined, 'a batch came for a partition that was not taken over')
    const done = this.#options.metrics.startBatch()
    // Between the stored offset and the batch may lie offsets without records; they belong to its first range.
    let firstOffset = held.next ?? batch.firstOffset
    let applying: Promise<void> = Promise.resolve()
    try {
      for (const chunk of chunks(batch)) {
        // Redis works on the former chunk while this one is decoded.
        const records = await this.#options.persist(() =>
          this.#options.readRecords(batch, chunk.records),
        )
        await applying
        const range = { firstOffset, nextOffset: chunk.nextOffset }
        applying = this.#apply(batch.partition, held, { ...range, records })
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

  async #apply(
    partition: number,
    held: Held,
    range: {
      readonly firstOffset: number
      readonly nextOffset: number
      readonly records: readonly DeviceRecord[]
    },
  ): Promise<void> {
    const { store, persist, metrics, clock } = this.#options
    try {
      const applied = await persist(() => store.apply({ partition, epoch: held.epoch, ...range }))
      held.next = range.nextOffset
      metrics.applied(range.records, applied, clock.now())
    } catch (error) {
      if (isFaultlineError(error, 'SERVING_STORE_FENCED')) metrics.fenced()
      throw error
    }
  }

  async #hint(partition: number, held: Held): Promise<void> {
    const { clock, offsets, logger } = this.#options
    if (held.next === null || clock.now() - held.hintedAtMs < hintIntervalMs) return
    held.hintedAtMs = clock.now()
    try {
      await offsets.commit(partition, { offset: held.next, metadata: '' })
    } catch (error) {
      // Nothing depends on it: a lost partition shows at the next call of the script.
      if (!isFaultlineError(error)) throw error
      logger.info({ partition, reason: messageOf(error) }, 'group offset not committed')
    }
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
