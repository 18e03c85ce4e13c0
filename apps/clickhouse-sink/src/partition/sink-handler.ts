import type { Clock } from '@faultline/runtime/clock'
import { FaultlineError, isFaultlineError, messageOf } from '@faultline/runtime/errors'
import { failpoint } from '@faultline/runtime/failpoints'
import type { GroupOffsets, PartitionHandler, RecordBatch } from '@faultline/runtime/kafka'
import type { Logger } from '@faultline/runtime/logging'
import type { WarehouseWriter } from '../warehouse/warehouse-writer.ts'
import { ingestionTime, intentText, type Intent } from './intent.ts'
import { PendingRange } from './pending-range.ts'
import { readRecord, type RecordDecoder } from './read-record.ts'
import { planResume } from './resume.ts'

interface SinkLimits {
  /** Rows after which a range is written at once. */
  readonly rowsMax: number
  /** How long a row waits for company, ms. */
  readonly waitMaxMs: number
  /** Refused records in a row, per partition, after which the process stops. */
  readonly refusedConsecutiveMax: number
}

/** What happened, for metrics. */
export interface SinkObserver {
  onStored(range: PendingRange, seconds: number): void
  onProgress(partition: number, next: number, lag: number): void
  /** A range of a former owner is written again. */
  onRedo(partition: number): void
  /** The warehouse answered (null) or did not (why). */
  onWarehouse(problem: string | null): void
}

interface HandlerOptions {
  readonly topic: string
  readonly offsets: GroupOffsets
  readonly writer: WarehouseWriter
  readonly decoder: RecordDecoder
  readonly limits: SinkLimits
  readonly observer: SinkObserver
  readonly clock: Clock
  readonly logger: Logger
  /** In [0, 1): spreads the tries of several processes. */
  readonly random: () => number
  /** Ends the waiting for a warehouse that is away. */
  readonly stopping: AbortSignal
}

/** A partition of the current assignment. */
interface Owned {
  readonly partition: number
  pending: PendingRange
  /** Everything below is stored. */
  confirmed: number
  /** High watermark last seen. */
  endOffset: number
  refusedInARow: number
}

const retryDelayMs = { first: 100, max: 5_000 }
/**
 * Behind by a whole range or more, rows wait so many times longer for it to be full: they are late anyway, and the fewer inserts, the
 * less there is to merge.
 */
const backlogPatience = 5

/**
 * Stores the enriched topic range by range: announce the range beside the group's offset, insert it, go on. SPEC.md has the
 * states and why no kill loses or doubles a row.
 */
export class SinkHandler implements PartitionHandler {
  readonly #options: HandlerOptions
  readonly #owned = new Map<number, Owned>()

  constructor(options: HandlerOptions) {
    this.#options = options
  }

  async takeOver(partition: number): Promise<number | null> {
    const { offsets, writer, topic, observer } = this.#options
    this.#owned.delete(partition)
    const source = { topic, partition }
    const committed = await offsets.committed(partition)
    const storedNext = await writer.storedNext(source, committed?.offset ?? 0)
    const { next, redo } = planResume(committed, storedNext)
    if (redo !== null) observer.onRedo(partition)
    const start = next ?? 0
    this.#owned.set(partition, {
      partition,
      pending: new PendingRange(source, start, redo),
      confirmed: start,
      endOffset: start,
      refusedInARow: 0,
    })
    return next
  }

  async process(batch: RecordBatch): Promise<void> {
    const { decoder, limits, clock, stopping } = this.#options
    if (stopping.aborted) return
    const owned = this.#required(batch.partition)
    this.#begin(owned, batch.firstOffset)
    const read = []
    for (const record of batch.records) read.push(await readRecord(decoder, record))
    if (this.#isLost(owned)) return
    owned.endOffset = Math.max(owned.endOffset, batch.endOffset, batch.nextOffset)
    for (const { kind } of read) {
      owned.refusedInARow = kind === 'refused' ? owned.refusedInARow + 1 : 0
      if (owned.refusedInARow > limits.refusedConsecutiveMax) throw flood(owned, batch)
    }
    let from = batch.firstOffset
    while (from < batch.nextOffset && !this.#isLost(owned)) {
      if (from > batch.firstOffset) failpoint('sink.batch-split')
      from = owned.pending.add(batch, read, { from, now: clock.now() })
      if (isFull(owned.pending, limits.rowsMax) && !(await this.#store(owned))) return
    }
  }

  release(partition: number): void {
    this.#owned.delete(partition)
  }

  /** Partitions with rows that have waited long enough. */
  due(): readonly number[] {
    const { clock, limits } = this.#options
    const now = clock.now()
    // A clock that was set back must not let a row wait until it has caught up with itself.
    const isDue = ({ pending: { since, readUntil }, endOffset }: Owned): boolean => {
      const patience = endOffset - readUntil >= limits.rowsMax ? backlogPatience : 1
      return since > now || since <= now - limits.waitMaxMs * patience
    }
    return [...this.#owned.values()]
      .filter((owned) => isReady(owned.pending) && isDue(owned))
      .map(({ partition }) => partition)
  }

  /** Writes what has come in; call it between two batches of the partition. */
  async flush(partition: number): Promise<void> {
    const owned = this.#owned.get(partition)
    if (owned !== undefined && isReady(owned.pending)) await this.#store(owned)
  }

  /** Offset below which everything of an owned partition is stored. */
  confirmed(partition: number): number | null {
    return this.#owned.get(partition)?.confirmed ?? null
  }

  /** The reader found the start by itself when nothing was known, and may have passed over offsets without records. */
  #begin(owned: Owned, firstOffset: number): void {
    if (!owned.pending.isEmpty || owned.pending.redo !== null) return
    if (owned.pending.start === firstOffset) return
    owned.pending = new PendingRange(owned.pending.source, firstOffset, null)
    owned.confirmed = firstOffset
  }

  /** False: the partition went to another, or the process stops. */
  async #store(owned: Owned): Promise<boolean> {
    const { offsets, observer, clock } = this.#options
    const { partition, pending } = owned
    const begun = clock.now()
    // The commit is also the fence: a member that lost the partition is refused here, before it writes.
    const ingestedAt = ingestionTime(begun, pending.newestCommitMs)
    const intent = pending.redo ?? { end: pending.end, ingestedAt }
    if (pending.rows.length > 0 && pending.redo === null) {
      await offsets.commit(partition, { offset: pending.start, metadata: intentText(intent) })
    }
    failpoint('sink.batch-formed')
    if (!(await this.#write(owned, intent))) return false
    failpoint('sink.stored-offset-behind')
    const next = pending.readUntil
    owned.confirmed = next
    owned.pending = new PendingRange(pending.source, next, null)
    observer.onStored(pending, (clock.now() - begun) / 1_000)
    const lag = Math.max(0, owned.endOffset - next)
    observer.onProgress(partition, next, lag)
    // With more to come, the next range's announcement confirms this one; otherwise nothing else would.
    if (lag === 0 || pending.rows.length === 0) {
      await offsets.commit(partition, { offset: next, metadata: '' })
      failpoint('sink.offset-stored-roll-up-due')
    }
    return true
  }

  /** Tries until the warehouse answers. False: the partition went to another, or the process stops. */
  async #write(owned: Owned, intent: Intent): Promise<boolean> {
    const { writer, observer, clock, logger, random, stopping } = this.#options
    const { pending } = owned
    const range = { ...pending.source, start: pending.start, ...intent }
    let again = pending.redo !== null
    for (let delayMs = retryDelayMs.first; ; delayMs = Math.min(delayMs * 2, retryDelayMs.max)) {
      try {
        if (pending.rows.length > 0) await writer.insertRange(range, pending.rows, again)
        if (pending.refused.length > 0) await writer.keepRefused(pending.refused)
        observer.onWarehouse(null)
        return !this.#isLost(owned)
      } catch (error) {
        if (!isFaultlineError(error, 'WAREHOUSE_UNAVAILABLE')) throw error
        observer.onWarehouse(messageOf(error))
        logger.warn({ ...range, delayMs, reason: messageOf(error) }, 'not stored; trying again')
        again = true
      }
      await clock.sleep(delayMs * (0.5 + random() / 2), stopping).catch(() => undefined)
      if (stopping.aborted || this.#isLost(owned)) return false
    }
  }

  #isLost(owned: Owned): boolean {
    return this.#owned.get(owned.partition) !== owned
  }

  #required(partition: number): Owned {
    const owned = this.#owned.get(partition)
    if (owned !== undefined) return owned
    throw new FaultlineError('TRANSACTION_ABORTED', 'the partition was released meanwhile', {
      context: { partition },
    })
  }
}

function isFull(pending: PendingRange, rowsMax: number): boolean {
  return pending.redo === null ? pending.rows.length >= rowsMax : pending.isClosed
}

/** A range of a former owner is written only once it is whole again. */
function isReady(pending: PendingRange): boolean {
  return !pending.isEmpty && pending.redo === null
}

function flood({ partition }: Owned, batch: RecordBatch): FaultlineError {
  return new FaultlineError('DEAD_LETTER_FLOOD', 'too many records in a row cannot be read', {
    context: { topic: batch.topic, partition, offset: batch.firstOffset },
    remedy: 'Check SCHEMA_REGISTRY_URL and who writes to the enriched topic.',
  })
}
