import type { RecordBatch } from '@faultline/runtime/kafka'
import type { createRecordReader } from '../decode-record.ts'
import type { DeviceRecord, ServingStore } from '../serving-store.ts'

/** As many as the consumer puts into one call of the scripts. */
const recordsPerRange = 100

export interface Range {
  readonly partition: number
  readonly firstOffset: number
  readonly nextOffset: number
  readonly records: readonly DeviceRecord[]
}

type Batch = Omit<RecordBatch, 'topic'>

/**
 * Takes the batches of the topic while a generation is built: folds them until every partition has reached the end that it had at the
 * start, holds the next one back while the result is written and verified, and then applies through the scripts what came since.
 */
export class GenerationFeed {
  readonly folded = Promise.withResolvers<undefined>()
  readonly #fold: (range: Range) => void
  readonly #readRecords: ReturnType<typeof createRecordReader>
  readonly #ends: ReadonlyMap<number, number>
  readonly #gate = Promise.withResolvers<ServingStore>()
  readonly #epochs = new Map<number, number>()
  readonly #reached: Map<number, number>
  #isFolding: boolean
  records = 0
  applied = 0
  refused = 0

  constructor(options: {
    readonly from: ReadonlyMap<number, number>
    readonly ends: ReadonlyMap<number, number>
    readonly fold: (range: Range) => void
    readonly readRecords: ReturnType<typeof createRecordReader>
  }) {
    this.#fold = options.fold
    this.#readRecords = options.readRecords
    this.#ends = options.ends
    this.#reached = new Map(options.from)
    this.#isFolding = true
    this.#endFoldWhereDue()
  }

  /** Next offset by partition. */
  get reached(): ReadonlyMap<number, number> {
    return this.#reached
  }

  /** From now on batches go through the scripts. */
  applyTo(store: ServingStore): void {
    this.#gate.resolve(store)
  }

  async take(batch: Batch): Promise<void> {
    for (const range of await this.#ranges(batch)) {
      if (this.#isFolding) this.#fold(range)
      else await this.#apply(range)
      this.#reached.set(range.partition, range.nextOffset)
    }
    this.#endFoldWhereDue()
  }

  async #ranges({ partition, records, firstOffset, nextOffset }: Batch): Promise<readonly Range[]> {
    const read = await this.#readRecords(records)
    const ranges: Range[] = []
    for (let start = 0; start === 0 || start < read.length; start += recordsPerRange) {
      const some: DeviceRecord[] = []
      for (const item of read.slice(start, start + recordsPerRange)) {
        if (item.kind === 'read') some.push(item.record)
        else this.refused += 1
      }
      this.records += some.length
      ranges.push({
        partition,
        firstOffset: ranges.at(-1)?.nextOffset ?? firstOffset,
        nextOffset: records[start + recordsPerRange]?.offset ?? nextOffset,
        records: some,
      })
    }
    return ranges
  }

  async #apply(range: Range): Promise<void> {
    const store = await this.#gate.promise
    const { partition } = range
    const epoch = this.#epochs.get(partition) ?? (await store.takeOver(partition)).epoch
    this.#epochs.set(partition, epoch)
    this.applied += await store.apply({ ...range, epoch })
  }

  #endFoldWhereDue(): void {
    if (!this.#isFolding) return
    for (const [partition, end] of this.#ends) {
      if ((this.#reached.get(partition) ?? 0) < end) return
    }
    this.#isFolding = false
    this.folded.resolve(undefined)
  }
}
