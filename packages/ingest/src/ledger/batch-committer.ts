import { failpoint } from '@faultline/runtime/failpoints'
import type { PostgresConnection } from '@faultline/runtime/postgres'
import { MeasurementStore, type MeasurementBatch } from '../measurements/index.ts'
import { changeLedger, readLedger, type LedgerChange, type LedgerEntry } from './ledger.ts'

export interface BatchToCommit {
  /** The ingest path: `files`, `http`, … */
  readonly source: string
  readonly rows: MeasurementBatch
  /** What becomes true of the inputs with these rows; at most one change an input. */
  readonly changes: readonly LedgerChange[]
}

/** For each change that did not fit: the entry as it is stored, or undefined where there is none. */
type Conflicts = ReadonlyMap<string, LedgerEntry | undefined>

/**
 * The one way into `raw_measurements` for whatever may be given twice: rows and ledger in one transaction.
 *
 *     const rows = new MeasurementBatch()
 *     rows.append(measurement)
 *     const change = { key: idempotencyKey, from: null, position: items, written: rows.count, rejected, mark: null, completed: true }
 *     const conflicts = await committer.commit({ source: 'http', rows, changes: [change] })
 *     const known = conflicts.get(idempotencyKey) // given before: nothing was stored now, and this has the counts of then
 *
 * Two commits of one new key at the same time wait for each other, and the second gets the conflict. The connection is used
 * by nobody else while a commit is on its way; after DATABASE_UNAVAILABLE make a new one, and a new committer with it.
 */
export class BatchCommitter {
  readonly #connection: PostgresConnection
  readonly #store: MeasurementStore

  constructor(connection: PostgresConnection) {
    this.#connection = connection
    this.#store = new MeasurementStore(connection)
  }

  /**
   * Stores all of it or nothing. Committed where the map is empty; otherwise nothing is stored, and the map says what stood
   * against it.
   *
   * With DATABASE_UNAVAILABLE the outcome is open. Commit the same again: if the first attempt came through, there is a
   * conflict now, and its entry has the position and mark that the change asked for.
   * @throws FaultlineError DATABASE_UNAVAILABLE, DISK_FULL
   */
  async commit({ source, rows, changes }: BatchToCommit): Promise<Conflicts> {
    const connection = this.#connection
    await this.#store.makePartitions(rows)
    await connection.query('begin')
    try {
      const misfits = await changeLedger(connection, source, changes)
      if (misfits.length > 0) {
        await connection.query('rollback')
        const stored = await readLedger(connection, source, misfits)
        return new Map(misfits.map((key) => [key, stored.get(key)]))
      }
      await this.#store.copy(rows)
      failpoint('collector.rows-copied')
      const answer = connection.query('commit')
      failpoint('collector.commit-unanswered')
      await answer
      return new Map()
    } catch (error) {
      // What went wrong is said, not what a broken connection makes of the rollback.
      await connection.query('rollback').catch(() => undefined)
      throw error
    }
  }
}
