import type { LedgerChange } from '../ledger/index.ts'
import { MeasurementBatch, type Measurement } from '../measurements/index.ts'
import type { LoadedFile } from './loaded-file.ts'

/** What a batch takes of one file. */
interface Part {
  readonly from: number | null
  written: number
  rejected: number
  isEnd: boolean
}

/** Rows and how far their files are read with them, which become true together. */
export class LoadBatch {
  readonly rows = new MeasurementBatch()
  readonly #parts = new Map<LoadedFile, Part>()
  #changes: readonly LedgerChange[] = []
  #rejected = 0

  /** Records in it, good and bad. */
  get records(): number {
    return this.rows.count + this.#rejected
  }

  get isEmpty(): boolean {
    return this.#parts.size === 0
  }

  /** What becomes true of the files; known once the batch is sealed. */
  get changes(): readonly LedgerChange[] {
    return this.#changes
  }

  add(file: LoadedFile, row: Measurement): void {
    this.rows.append(row)
    this.#partOf(file).written += 1
  }

  reject(file: LoadedFile): void {
    this.#rejected += 1
    this.#partOf(file).rejected += 1
  }

  /** Nothing of the file is left. */
  end(file: LoadedFile): void {
    this.#partOf(file).isEnd = true
  }

  /** Nothing is added any more: notes how far its files are read now. */
  seal(): void {
    this.#changes = [...this.#parts].map(([file, { from, written, rejected, isEnd }]) => {
      file.ledgerPosition = file.read
      const { key, name, read } = file
      return { key, from, position: read, written, rejected, mark: name, completed: isEnd }
    })
  }

  clear(): void {
    this.rows.clear()
    this.#parts.clear()
    this.#changes = []
    this.#rejected = 0
  }

  #partOf(file: LoadedFile): Part {
    let part = this.#parts.get(file)
    if (part === undefined) {
      part = { from: file.ledgerPosition, written: 0, rejected: 0, isEnd: false }
      this.#parts.set(file, part)
    }
    return part
  }
}
