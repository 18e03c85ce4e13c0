import type { KafkaRecord, RecordBatch } from '@faultline/runtime/kafka'
import type { RefusedRecord, Source, StoredMeasurement } from '../warehouse/warehouse-writer.ts'
import type { Intent } from './intent.ts'
import type { ReadRecord } from './read-record.ts'

/**
 * The offsets of a partition that were read and are not yet confirmed as stored, in order. What is announced and named is
 * [start, end), where `end` is one past the last record, never past a transaction marker: a later reader is told of a record,
 * but not of every marker.
 */
export class PendingRange {
  readonly source: Source
  readonly start: number
  /** The range was begun by a former owner and must end exactly here; null for a new one. */
  readonly redo: Intent | null
  readonly rows: StoredMeasurement[] = []
  readonly refused: RefusedRecord[] = []
  end: number
  /** One past the last offset read, with or without a record. */
  readUntil: number
  removals = 0
  /** When its first offsets came in, epoch ms. */
  since = 0

  constructor(source: Source, start: number, redo: Intent | null) {
    this.source = source
    this.start = start
    this.end = start
    this.readUntil = start
    this.redo = redo
  }

  /** Epoch ms; 0 without rows. */
  get newestCommitMs(): number {
    return this.rows.reduce(
      (newest, { measurement }) => Math.max(newest, measurement.committed_at),
      0,
    )
  }

  get isEmpty(): boolean {
    return this.readUntil === this.start
  }

  /** Nothing more may be added: it is the very range that a former owner announced. */
  get isClosed(): boolean {
    return this.redo !== null && this.readUntil >= this.redo.end
  }

  /**
   * Adds the records of a batch from `from` on, as far as the range may reach, and returns where it stopped. `read` holds
   * what the batch's records turned out to be, in their order.
   */
  add(
    batch: RecordBatch,
    read: readonly ReadRecord[],
    { from, now }: { readonly from: number; readonly now: number },
  ): number {
    const limit = Math.min(batch.nextOffset, this.redo?.end ?? batch.nextOffset)
    if (this.isEmpty) this.since = now
    for (const [i, record] of batch.records.entries()) {
      const found = read[i]
      if (found === undefined || record.offset < from || record.offset >= limit) continue
      this.#addRecord(record, found)
      this.end = record.offset + 1
    }
    this.readUntil = Math.max(this.readUntil, limit)
    return this.readUntil
  }

  #addRecord({ offset, key, value }: KafkaRecord, found: ReadRecord): void {
    if (found.kind === 'measurement') this.rows.push({ offset, measurement: found.measurement })
    else if (found.kind === 'removal') this.removals += 1
    else {
      const { reason, message } = found
      const bytes = value ?? Buffer.alloc(0)
      this.refused.push({ ...this.source, offset, reason, message, key, value: bytes })
    }
  }
}
