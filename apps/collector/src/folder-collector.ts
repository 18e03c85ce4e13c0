import { frameBytes, frameChannels } from '@faultline/core/frame'
import { rejectFrame, type Rejection } from '@faultline/ingest/files'
import { pruneLedger } from '@faultline/ingest/ledger'
import type { Patience } from '@faultline/ingest/patience'
import { BatchPipeline } from '@faultline/ingest/pipeline'
import type { Clock } from '@faultline/runtime/clock'
import { messageOf, systemCode } from '@faultline/runtime/errors'
import { failpoint } from '@faultline/runtime/failpoints'
import { Batch, type FileEnd } from './batch/batch.ts'
import { commitBatch, ledgerSource } from './batch/commit.ts'
import type { CollectorConfig } from './config.ts'
import { Database } from './database.ts'
import { dispose } from './file/dispose.ts'
import { cutRecords, isUnreadable, plainBytes, unpackedBytes } from './file/file-bytes.ts'
import { ifThere, KnownFiles } from './file/known-files.ts'
import type { SourceFile } from './file/source-file.ts'
import { isPacked, scanFolder, type FoundFile } from './folder/scan.ts'
import { Settling } from './folder/settling.ts'

/** Files looked at in one pass, and files of which the ledger is asked at once. */
const filesMax = 10_000
const filesAtOnce = 500

/** The ledger knows a collected file for so long: the same file put in again in this time is not taken twice. */
const ledgerKeptHours = 7 * 24
const pruneEveryMs = 3_600_000

/** What is counted when a batch is committed. */
export interface Committed {
  readonly written: number
  readonly rejections: readonly Rejection[]
  readonly ends: readonly FileEnd['outcome'][]
}

interface FolderCollectorOptions {
  readonly config: CollectorConfig
  readonly clock: Clock
  readonly patience: Patience
  readonly signal: AbortSignal
  readonly onCommit: (committed: Committed) => void
}

/** Takes what lies in the folder into the database, one pass at a time. */
export class FolderCollector {
  readonly #options: FolderCollectorOptions
  readonly #settling: Settling
  readonly #files: KnownFiles
  readonly #pipeline: BatchPipeline<Batch>
  /** One connection for the batches that are on their way, one to ask the ledger meanwhile. */
  readonly #writing: Database
  readonly #asking: Database
  #prunedMs = 0
  #filesThere = 0
  /** Of the two pieces of the file that is being read. */
  #pieceBytes = 0

  constructor(options: FolderCollectorOptions) {
    const { config, patience } = options
    this.#options = options
    this.#settling = new Settling(config.settleMs)
    this.#writing = new Database(config.databaseUrl)
    this.#asking = new Database(config.databaseUrl)
    this.#files = new KnownFiles({
      database: this.#asking,
      patience,
      errorFolder: config.errorFolder,
    })
    this.#pipeline = new BatchPipeline({
      make: () => new Batch(),
      seal: (batch) => {
        batch.seal()
      },
      commit: (batch) => this.#commit(batch),
    })
  }

  /** Frame files that lay in the folder at the last look. */
  get filesThere(): number {
    return this.#filesThere
  }

  /** Points that are read and not committed: never more than COLLECT_POINTS_MAX. */
  get pointsHeld(): number {
    const { filling, onItsWay } = this.#pipeline
    const records = filling.records + onItsWay.records + this.#pieceBytes / frameBytes
    return Math.ceil(records) * frameChannels
  }

  /**
   * Takes whole records of every file, and the end of the finished ones; all of it is committed when the promise resolves.
   * Returns after how many milliseconds there may be more to do without a change in the folder; Infinity if never.
   * @throws LedgerMoved, the reason of a stop, and what does not pass by itself
   */
  async pass(): Promise<number> {
    const { config, clock, signal } = this.#options
    const found = await scanFolder(config.folder, filesMax)
    const finished = this.#settling.observe(found, clock.now())
    this.#filesThere = found.length
    this.#files.keepOnly(new Set(found.map(({ name }) => name)))
    const due = found.filter((file) => finished.has(file.name) || hasRecords(file))
    for (let first = 0; first < due.length; first += filesAtOnce) {
      const group = due.slice(first, first + filesAtOnce)
      const files = await this.#files.open(group, finished)
      for (const seen of group) {
        signal.throwIfAborted()
        const file = files.get(seen.name)
        if (file === undefined) continue
        await ifThere(() => this.#collect(file, seen, finished.has(seen.name)))
      }
    }
    await this.#pipeline.flush()
    if (found.length >= filesMax) return 0
    return Math.max(0, this.#settling.nextMs - clock.now())
  }

  /** Whether the database can be reached, and now and then what the ledger no longer needs. To be called between passes. */
  async keepInTouch(): Promise<void> {
    const { clock, patience } = this.#options
    const isPruneDue = clock.now() - this.#prunedMs >= pruneEveryMs
    await patience.until('PostgreSQL', () =>
      this.#asking.use(async ({ connection }) => {
        // After a pass only: every file that lies here has found its entry.
        if (isPruneDue) await pruneLedger(connection, ledgerSource, ledgerKeptHours)
        else await connection.query('select 1')
      }),
    )
    if (isPruneDue) this.#prunedMs = clock.now()
  }

  /** Forgets what is not committed, so that the next pass asks the ledger anew. */
  async reset(): Promise<void> {
    await this.#pipeline.reset()
    this.#files.forgetAll()
  }

  async close(): Promise<void> {
    await this.#pipeline.reset()
    await this.#writing.close()
    await this.#asking.close()
  }

  async #collect(file: SourceFile, seen: FoundFile, isFinished: boolean): Promise<void> {
    if (!isFinished && (file.isPacked || seen.size - file.taken < frameBytes)) return
    const take = (records: Buffer): Promise<void> => this.#take(file, records)
    let rest: Buffer = Buffer.alloc(0)
    let problem: unknown
    try {
      rest = await cutRecords(this.#piecesOf(file, seen), take)
    } catch (error) {
      if (!isUnreadable(error)) throw error
      problem = error
    } finally {
      this.#pieceBytes = 0
    }
    if (!isFinished && problem === undefined) return
    const end: FileEnd = { outcome: problem === undefined ? 'collected' : 'unreadable', seen }
    if (file.taken === file.completedAt) {
      // The ledger has all of it: only the file is still here.
      await this.#pipeline.flush()
      await this.#dispose(file, end)
      return
    }
    const { filling } = this.#pipeline
    if (problem !== undefined) filling.reject(file, rejectRest(file, problem))
    else if (rest.length > 0) {
      const place = { file: file.name, at: file.taken, bytes: rest }
      filling.reject(file, rejectFrame(place, 'LENGTH_INVALID'))
    }
    filling.end(file, end)
    await this.#sendIfDue()
  }

  #piecesOf(file: SourceFile, seen: FoundFile): AsyncIterable<Buffer> {
    const { pieceBytes } = this.#options.config.shares
    const { path, taken, isPacked: packed } = file
    this.#pieceBytes = 2 * (packed ? pieceBytes : Math.min(pieceBytes, seen.size - taken))
    return packed
      ? unpackedBytes(path, taken, pieceBytes)
      : plainBytes(path, taken, seen.size, pieceBytes)
  }

  async #take(file: SourceFile, records: Buffer): Promise<void> {
    this.#options.signal.throwIfAborted()
    const view = new DataView(records.buffer, records.byteOffset, records.length)
    let from = 0
    for (let at = 0; at < records.length; at += frameBytes) {
      this.#pipeline.filling.addRecord(file, view, at, file.taken + at - from)
      if (this.#pipeline.filling.records >= this.#options.config.shares.batchRecords) {
        file.take(records.subarray(from, at + frameBytes))
        from = at + frameBytes
        await this.#pipeline.send()
      }
    }
    if (from < records.length) file.take(records.subarray(from))
    await this.#sendIfDue()
  }

  async #sendIfDue(): Promise<void> {
    const { shares, batchMs } = this.#options.config
    const { filling } = this.#pipeline
    const isDue = filling.records >= shares.batchRecords || filling.ageMs >= batchMs
    if (isDue) await this.#pipeline.send()
  }

  async #commit(batch: Batch): Promise<void> {
    const { patience, onCommit } = this.#options
    await commitBatch(batch, { database: this.#writing, patience })
    failpoint('collector.committed-file-there')
    const { parts } = batch
    for (const { file, end } of parts) if (end !== undefined) await this.#dispose(file, end)
    onCommit({
      written: batch.rows.count,
      rejections: parts.flatMap(({ rejections }) => rejections),
      ends: parts.flatMap(({ end }) => (end === undefined ? [] : [end.outcome])),
    })
  }

  async #dispose(file: SourceFile, end: FileEnd): Promise<void> {
    const { config, patience } = this.#options
    const where = end.outcome === 'unreadable' ? 'the folder for errors' : 'the archive'
    const mark = file.mark()
    const isGone = await patience.until(`room in ${where}`, () => dispose(end, mark, config))
    if (isGone) this.#files.forget(file.name)
  }
}

const hasRecords = ({ name, size }: FoundFile): boolean => !isPacked(name) && size >= frameBytes

function rejectRest(file: SourceFile, problem: unknown): Rejection {
  return {
    file: file.name,
    at: file.taken,
    reason: 'FILE_UNREADABLE',
    detail: `the file cannot be read beyond byte ${file.taken} (${systemCode(problem) ?? messageOf(problem)})`,
    raw: '',
    encoding: 'text',
  }
}
