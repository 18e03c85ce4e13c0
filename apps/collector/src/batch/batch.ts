import { frameBytes } from '@faultline/core/frame'
import { rejectFrame, type Rejection } from '@faultline/ingest/files'
import type { LedgerChange } from '@faultline/ingest/ledger'
import { MeasurementBatch } from '@faultline/ingest/measurements'
import type { SourceFile } from '../file/source-file.ts'
import type { FoundFile } from '../folder/scan.ts'

/** The end of a file: all of it was read, or it cannot be read further. */
export interface FileEnd {
  readonly outcome: 'collected' | 'unreadable'
  /** As it lay there when its end was read; if it has changed since, this was not its end. */
  readonly seen: FoundFile
}

/** What a batch takes of one file. */
interface Part {
  readonly file: SourceFile
  readonly from: number | null
  readonly rejections: Rejection[]
  written: number
  end: FileEnd | undefined
  /** Whether its rejections are on disk. */
  isKept: boolean
}

/** Rows, rejected records and ends of files that become true together. */
export class Batch {
  readonly rows = new MeasurementBatch()
  readonly #parts = new Map<SourceFile, Part>()
  #changes: readonly LedgerChange[] = []
  #rejected = 0
  #startedMs = 0

  /** Records in it, good and bad. */
  get records(): number {
    return this.rows.count + this.#rejected
  }

  /** How long its first record has waited, milliseconds. */
  get ageMs(): number {
    return this.#parts.size === 0 ? 0 : performance.now() - this.#startedMs
  }

  get isEmpty(): boolean {
    return this.#parts.size === 0
  }

  get parts(): readonly Part[] {
    return [...this.#parts.values()]
  }

  /** What becomes true of the files; known once the batch is sealed. */
  get changes(): readonly LedgerChange[] {
    return this.#changes
  }

  /** Takes the record at `at` of `records`, which is at `position` of the file. */
  addRecord(file: SourceFile, records: DataView, at: number, position: number): void {
    const problem = this.rows.appendFrame(records, at)
    if (problem === undefined) {
      this.#partOf(file).written += 1
      return
    }
    const bytes = new Uint8Array(records.buffer, records.byteOffset + at, frameBytes)
    this.reject(file, rejectFrame({ file: file.name, at: position, bytes }, problem))
  }

  reject(file: SourceFile, rejection: Rejection): void {
    this.#partOf(file).rejections.push(rejection)
    this.#rejected += 1
  }

  end(file: SourceFile, end: FileEnd): void {
    this.#partOf(file).end = end
  }

  /** Nothing is added any more: notes how far its files are taken now. */
  seal(): void {
    this.#changes = this.parts.map(({ file, from, rejections, written, end }) => {
      const completed = end !== undefined
      file.ledgerPosition = file.taken
      if (completed) file.completedAt = file.taken
      return {
        key: file.key,
        from,
        position: file.taken,
        written,
        rejected: rejections.length,
        mark: file.mark(),
        completed,
      }
    })
  }

  clear(): void {
    this.rows.clear()
    this.#parts.clear()
    this.#changes = []
    this.#rejected = 0
  }

  #partOf(file: SourceFile): Part {
    const known = this.#parts.get(file)
    if (known !== undefined) return known
    if (this.#parts.size === 0) this.#startedMs = performance.now()
    const part: Part = {
      file,
      from: file.ledgerPosition,
      rejections: [],
      written: 0,
      end: undefined,
      isKept: false,
    }
    this.#parts.set(file, part)
    return part
  }
}
