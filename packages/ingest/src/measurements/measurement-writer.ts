import type { PostgresConnection } from '@faultline/runtime/postgres'
import { BatchPipeline } from '../pipeline/index.ts'
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
  readonly #pipeline: BatchPipeline<MeasurementBatch>

  constructor(connection: PostgresConnection, options: WriterOptions) {
    this.#store = new MeasurementStore(connection)
    this.#options = options
    this.#pipeline = new BatchPipeline({
      make: () => new MeasurementBatch(),
      commit: (batch) => this.#commit(batch),
    })
  }

  /** Takes a row; a promise is returned only where the caller has to wait. */
  write(row: Measurement): Promise<void> | undefined {
    const { filling } = this.#pipeline
    filling.append(row)
    const { batchRows, batchBytes } = this.#options
    const isFull = filling.count >= batchRows || filling.byteLength >= batchBytes
    return isFull ? this.#pipeline.send() : undefined
  }

  /** Resolves when every row taken is committed. */
  flush(): Promise<void> {
    return this.#pipeline.flush()
  }

  async #commit(batch: MeasurementBatch): Promise<void> {
    await this.#store.makePartitions(batch)
    await this.#store.copy(batch)
    this.#options.onCommit?.(batch.count)
  }
}
