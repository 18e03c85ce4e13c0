import { frameOffsets, type FrameProblem } from '@faultline/core/frame'
import { CopyBuffer } from './copy-buffer.ts'
import type { Measurement } from './measurement.ts'

/** Rows gathered for one transaction, ready to be sent. Made once and cleared for each batch: it keeps its memory. */
export class MeasurementBatch {
  readonly #copy: CopyBuffer
  /** UTC months since the year 0, each with a time in it. Plausible clocks span a century: at most 1,200. */
  readonly #months = new Map<number, number>()

  /** The month of the last row: most rows are of the same one. */
  #monthFromMs = 0
  #monthToMs = 0

  /** `bytes`: how much it holds before it has to grow. */
  constructor(bytes?: number) {
    this.#copy = new CopyBuffer(bytes)
  }

  get count(): number {
    return this.#copy.rows
  }

  get isEmpty(): boolean {
    return this.count === 0
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

  /** Adds the rows of another batch behind its own. */
  appendAll(other: MeasurementBatch): void {
    this.#copy.appendAll(other.#copy)
    for (const [month, timeMs] of other.#months) this.#months.set(month, timeMs)
  }

  /** A frame record as it lies in `records`; refused with its problem where it is none. */
  appendFrame(records: DataView, at: number): FrameProblem | undefined {
    const problem = this.#copy.appendFrame(records, at)
    if (problem !== undefined) return problem
    const low = records.getUint32(at + frameOffsets.clock, true)
    const high = records.getUint32(at + frameOffsets.clock + 4, true)
    this.#addMonth(high * 0x1_0000_0000 + low)
    return undefined
  }

  clear(): void {
    this.#copy.clear()
    this.#monthFromMs = 0
    this.#monthToMs = 0
    this.#months.clear()
  }

  /** The input of `COPY`, valid until the next `clear`. */
  finish(): Uint8Array {
    return this.#copy.finish()
  }

  #addMonth(timeMs: number): void {
    if (timeMs >= this.#monthFromMs && timeMs < this.#monthToMs) return
    const time = new Date(timeMs)
    const year = time.getUTCFullYear()
    const month = time.getUTCMonth()
    this.#monthFromMs = Date.UTC(year, month)
    this.#monthToMs = Date.UTC(year, month + 1)
    this.#months.set(year * 12 + month, timeMs)
  }
}
