import type { PostgresConnection } from '@faultline/runtime/postgres'
import { CopyBuffer, copyStatement } from './copy-buffer.ts'
import type { Measurement } from './measurement.ts'

interface WriterOptions {
  /** A batch is written when it holds this many rows … */
  readonly batchRows: number
  /** … or this many bytes. */
  readonly batchBytes: number
  /** Called after each commit with the rows it made durable. */
  readonly onCommit?: (rows: number) => void
}

export const defaultBatch = { batchRows: 2_000, batchBytes: 1_048_576 } as const

/**
 * Writes measurements by binary COPY, one transaction a batch. While a batch is on its way the next one fills, and no
 * more: `write` waits when both are full, so memory is bounded by two batches.
 *
 * The connection belongs to the writer until it is closed. After an error the writer is of no more use; what was not
 * committed is lost with it, and `onCommit` has told what was.
 */
export class MeasurementWriter {
  readonly #connection: PostgresConnection
  readonly #options: WriterOptions
  #filling = new CopyBuffer()
  #spare = new CopyBuffer()
  #inFlight: Promise<void> = Promise.resolve()
  readonly #monthsMade = new Set<number>()
  #monthsWanted = new Map<number, number>()

  constructor(connection: PostgresConnection, options: WriterOptions) {
    this.#connection = connection
    this.#options = options
  }

  /** Takes a row; a promise is returned only where the caller has to wait. */
  write(row: Measurement): Promise<void> | undefined {
    this.#filling.append(row)
    this.#wantMonth(row.measuredAtMs)
    const { batchRows, batchBytes } = this.#options
    const isFull = this.#filling.rows >= batchRows || this.#filling.byteLength >= batchBytes
    return isFull ? this.#send() : undefined
  }

  /** Resolves when every row taken is committed. */
  async flush(): Promise<void> {
    if (this.#filling.rows > 0) await this.#send()
    await this.#inFlight
  }

  /** Resolves when no batch is on its way any more, committed or not: for what is counted after an error. */
  async settle(): Promise<void> {
    await Promise.allSettled([this.#inFlight])
  }

  /** Hands the filled batch over once the one before it is committed. */
  async #send(): Promise<void> {
    await this.#inFlight
    const batch = this.#filling
    const months = this.#monthsWanted
    this.#filling = this.#spare
    this.#spare = batch
    this.#filling.clear()
    this.#monthsWanted = new Map()
    this.#inFlight = this.#commit(batch, months)
    // The failure is reported by the next call that waits; until then it must not count as unhandled.
    this.#inFlight.catch(() => undefined)
  }

  async #commit(batch: CopyBuffer, months: ReadonlyMap<number, number>): Promise<void> {
    for (const [month, timeMs] of months) {
      const time = new Date(timeMs)
      await this.#connection.query('select faultline_ensure_partitions($1, $1)', [time])
      this.#monthsMade.add(month)
    }
    await this.#connection.copyIn(copyStatement, batch.finish())
    this.#options.onCommit?.(batch.rows)
  }

  /** Plausible clocks span a century, so there are at most 1,200 months to remember. */
  #wantMonth(timeMs: number): void {
    const time = new Date(timeMs)
    const month = time.getUTCFullYear() * 12 + time.getUTCMonth()
    if (!this.#monthsMade.has(month) && !this.#monthsWanted.has(month)) {
      this.#monthsWanted.set(month, timeMs)
    }
  }
}
