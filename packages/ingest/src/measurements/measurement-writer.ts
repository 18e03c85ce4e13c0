import type { PostgresConnection } from '@faultline/runtime/postgres'
import { MeasurementBatch } from './measurement-batch.ts'
import { MeasurementStore } from './measurement-store.ts'
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
  readonly #store: MeasurementStore
  readonly #options: WriterOptions
  #filling = new MeasurementBatch()
  #spare = new MeasurementBatch()
  #inFlight: Promise<void> = Promise.resolve()

  constructor(connection: PostgresConnection, options: WriterOptions) {
    this.#store = new MeasurementStore(connection)
    this.#options = options
  }

  /** Takes a row; a promise is returned only where the caller has to wait. */
  write(row: Measurement): Promise<void> | undefined {
    this.#filling.append(row)
    const { batchRows, batchBytes } = this.#options
    const isFull = this.#filling.count >= batchRows || this.#filling.byteLength >= batchBytes
    return isFull ? this.#send() : undefined
  }

  /** Resolves when every row taken is committed. */
  async flush(): Promise<void> {
    if (this.#filling.count > 0) await this.#send()
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
    this.#filling = this.#spare
    this.#spare = batch
    this.#filling.clear()
    this.#inFlight = this.#commit(batch)
    // The failure is reported by the next call that waits; until then it must not count as unhandled.
    this.#inFlight.catch(() => undefined)
  }

  async #commit(batch: MeasurementBatch): Promise<void> {
    await this.#store.makePartitions(batch)
    await this.#store.copy(batch)
    this.#options.onCommit?.(batch.count)
  }
}
