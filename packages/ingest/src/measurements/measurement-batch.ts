import { CopyBuffer } from './copy-buffer.ts'
import type { Measurement } from './measurement.ts'

/** Rows gathered for one transaction, ready to be sent. Made once and cleared for each batch: it keeps its memory. */
export class MeasurementBatch {
  readonly #copy = new CopyBuffer()
  /** UTC months since the year 0, each with a time in it. Plausible clocks span a century: at most 1,200. */
  readonly #months = new Map<number, number>()

  get count(): number {
    return this.#copy.rows
  }

  get byteLength(): number {
    return this.#copy.byteLength
  }

  /** The months of the rows: number to a time in it, epoch milliseconds. */
  get months(): ReadonlyMap<number, number> {
    return this.#months
  }

  append(row: Measurement): void {
    this.#copy.append(row)
    this.#addMonth(row.measuredAtMs)
  }

  clear(): void {
    this.#copy.clear()
    this.#months.clear()
  }

  /** The input of `COPY`, valid until the next `clear`. */
  finish(): Uint8Array {
    return this.#copy.finish()
  }

  #addMonth(timeMs: number): void {
    const time = new Date(timeMs)
    this.#months.set(time.getUTCFullYear() * 12 + time.getUTCMonth(), timeMs)
  }
}
