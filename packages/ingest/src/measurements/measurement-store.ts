import type { PostgresConnection } from '@faultline/runtime/postgres'
import { copyStatement } from './copy-buffer.ts'
import type { MeasurementBatch } from './measurement-batch.ts'

/** `raw_measurements` by way of one connection. */
export class MeasurementStore {
  readonly #connection: PostgresConnection
  readonly #monthsMade = new Set<number>()

  constructor(connection: PostgresConnection) {
    this.#connection = connection
  }

  /** Makes the partitions a batch needs; outside of its transaction, so that their locks are not held while it is copied. */
  async makePartitions(batch: MeasurementBatch): Promise<void> {
    for (const [month, timeMs] of batch.months) {
      if (this.#monthsMade.has(month)) continue
      const time = new Date(timeMs)
      await this.#connection.query('select faultline_ensure_partitions($1, $1)', [time])
      this.#monthsMade.add(month)
    }
  }

  /** All rows or none; in a transaction of their own unless one is open. */
  async copy(batch: MeasurementBatch): Promise<void> {
    if (batch.count > 0) await this.#connection.copyIn(copyStatement, batch.finish())
  }
}
