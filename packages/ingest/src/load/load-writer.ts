import { FaultlineError } from '@faultline/runtime/errors'
import type { PostgresConnection } from '@faultline/runtime/postgres'
import type { Loadable } from '../files/loadable.ts'
import { BatchCommitter } from '../ledger/index.ts'
import { defaultBatch } from '../measurements/index.ts'
import { BatchPipeline } from '../pipeline/index.ts'
import { LoadBatch } from './load-batch.ts'
import { ledgerSource, type LoadedFile } from './loaded-file.ts'
import type { RejectionFile } from './rejection-file.ts'

interface LoadWriterOptions {
  readonly connection: PostgresConnection
  readonly rejections: RejectionFile
  /** Called after each commit with the rows it made durable. */
  readonly onCommit: (rows: number) => void
}

/**
 * Writes the records of files, with how far each file is taken, one transaction a batch. While a batch is on its way the next one
 * fills, and no more. After an error it is of no more use; what was not committed is for the next load.
 */
export class LoadWriter {
  readonly #options: LoadWriterOptions
  readonly #committer: BatchCommitter
  readonly #pipeline: BatchPipeline<LoadBatch>

  constructor(options: LoadWriterOptions) {
    this.#options = options
    this.#committer = new BatchCommitter(options.connection)
    this.#pipeline = new BatchPipeline({
      make: () => new LoadBatch(),
      seal: (batch) => {
        batch.seal()
      },
      commit: (batch) => this.#commit(batch),
    })
  }

  /** Takes the next record of a file, unless an earlier load has; a promise is returned only where the caller has to wait. */
  take(file: LoadedFile, { row, rejection }: Loadable): Promise<void> | undefined {
    if (!file.advance()) return undefined
    const { filling } = this.#pipeline
    if (row === undefined) {
      filling.reject(file)
      return this.#keep(rejection)
    }
    filling.add(file, row)
    return this.#isFull ? this.#send() : undefined
  }

  /** Nothing of the file is left. */
  end(file: LoadedFile): void {
    this.#pipeline.filling.end(file)
  }

  /** Resolves when everything taken is committed. */
  async flush(): Promise<void> {
    await this.#options.rejections.flush()
    await this.#pipeline.flush()
  }

  /** Resolves when no batch is on its way any more, committed or not: for what is counted after an error. */
  settle(): Promise<void> {
    return this.#pipeline.settle()
  }

  get #isFull(): boolean {
    const { records, rows } = this.#pipeline.filling
    return records >= defaultBatch.batchRows || rows.byteLength >= defaultBatch.batchBytes
  }

  async #keep(rejection: Parameters<RejectionFile['add']>[0]): Promise<void> {
    await this.#options.rejections.add(rejection)
    if (this.#isFull) await this.#send()
  }

  /** The rejected records of a batch are on disk before the ledger counts them. */
  async #send(): Promise<void> {
    await this.#options.rejections.flush()
    await this.#pipeline.send()
  }

  /** @throws FaultlineError ALREADY_RUNNING */
  async #commit({ rows, changes }: LoadBatch): Promise<void> {
    const conflicts = await this.#committer.commit({ source: ledgerSource, rows, changes })
    if (conflicts.size === 0) {
      this.#options.onCommit(rows.count)
      return
    }
    const names = changes.filter(({ key }) => conflicts.has(key)).map(({ mark }) => mark)
    throw new FaultlineError('ALREADY_RUNNING', `somebody else is loading ${names.join(', ')}`, {
      remedy: 'Let one load do it. What is loaded again afterwards is stored once.',
    })
  }
}
