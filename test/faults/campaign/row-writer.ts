import { connectPostgres, type PostgresConnection } from '@faultline/runtime/postgres'
import type { Ledger, RowKind } from './ledger.ts'
import { pause } from './pause.ts'

export interface NewRow {
  readonly deviceId: string
  readonly measuredAtMs: number
  /** NaN: no value. */
  readonly readings: Float32Array
  readonly kind: RowKind
}

const insert = `insert into raw_measurements(device_id, measured_at, readings, car_number)
  select d, m, r::real[], c from unnest($1::text[], $2::timestamptz[], $3::text[], $4::int[]) as t(d, m, r, c)
  returning id, device_id`

/** Gives every transaction a number of its own, which its rows carry as `car_number`. */
export class Markers {
  #last = 0

  next(): number {
    this.#last += 1
    return this.#last
  }
}

interface WriterOptions {
  readonly databaseUrl: string
  readonly name: string
  readonly ledger: Ledger
  readonly markers: Markers
  readonly signal: AbortSignal
}

/**
 * One connection that commits rows and statements in order, and knows afterwards what is committed: where the answer of a
 * COMMIT was lost, it looks for the transaction's marker once PostgreSQL is back. (Asking for the state of the transaction's id
 * would be wrong: a server that crashed may give an id that it never wrote down to another transaction.)
 */
export class RowWriter {
  readonly #options: WriterOptions
  #connection: PostgresConnection | undefined
  answersLost = 0

  constructor(options: WriterOptions) {
    this.#options = options
  }

  /** Commits the rows in one transaction and enters them in the ledger; tries again for as long as PostgreSQL is away. */
  async commit(rows: readonly NewRow[]): Promise<void> {
    while (!this.#options.signal.aborted) {
      const marker = this.#options.markers.next()
      const ids = await this.#tryCommit(rows, marker)
      if (ids === undefined) continue
      ids.forEach((id, at) => {
        const row = rows[at]
        if (row !== undefined) this.#options.ledger.add(id, row.deviceId, row.kind)
      })
      return
    }
  }

  /** Runs a statement that may be repeated. */
  async run(sql: string, params: readonly unknown[] = []): Promise<void> {
    while (!this.#options.signal.aborted) {
      try {
        await (await this.#connected()).query(sql, params)
        return
      } catch (error) {
        if (this.#isMistake(error)) throw error
        await this.#drop()
      }
    }
  }

  async close(): Promise<void> {
    await this.#drop()
  }

  /** The ids that were committed, or undefined when nothing was. */
  async #tryCommit(
    rows: readonly NewRow[],
    marker: number,
  ): Promise<readonly number[] | undefined> {
    let isCommitSent = false
    let ids: readonly number[]
    try {
      const postgres = await this.#connected()
      await postgres.query('begin')
      const inserted = await postgres.query<{ id: string; device_id: string }>(insert, [
        rows.map(({ deviceId }) => deviceId),
        rows.map(({ measuredAtMs }) => new Date(measuredAtMs)),
        rows.map(({ readings }) => arrayText(readings)),
        rows.map(() => marker),
      ])
      ids = inserted.map(({ id, device_id }, at) => {
        if (device_id !== rows[at]?.deviceId) throw new Error('rows came back in another order')
        return Number(id)
      })
      isCommitSent = true
      await postgres.query('commit')
      return ids
    } catch (error) {
      if (this.#isMistake(error)) throw error
      await this.#drop()
      return isCommitSent ? await this.#idsOf(marker) : undefined
    }
  }

  async #idsOf(marker: number): Promise<readonly number[] | undefined> {
    this.answersLost += 1
    for (;;) {
      try {
        const postgres = await this.#connected()
        // A session that hangs on to its COMMIT would make "not there" a guess.
        await postgres.query(
          `select pg_terminate_backend(pid, 5000) from pg_stat_activity
           where application_name = $1 and pid <> pg_backend_pid()`,
          [this.#applicationName],
        )
        const found = await postgres.query<{ id: string }>(
          'select id from raw_measurements where car_number = $1 order by id',
          [marker],
        )
        return found.length === 0 ? undefined : found.map(({ id }) => Number(id))
      } catch (error) {
        if (this.#isMistake(error)) throw error
        await this.#drop()
      }
    }
  }

  get #applicationName(): string {
    return `campaign-${this.#options.name}`
  }

  async #connected(): Promise<PostgresConnection> {
    this.#connection ??= await connectPostgres({
      databaseUrl: this.#options.databaseUrl,
      applicationName: this.#applicationName,
    })
    return this.#connection
  }

  /** What PostgreSQL itself finds wrong with a statement will be wrong the next time too. */
  #isMistake(error: unknown): boolean {
    const code = (error as { code?: unknown }).code
    return typeof code === 'string' && /^(22|23|42)/.test(code)
  }

  async #drop(): Promise<void> {
    const connection = this.#connection
    this.#connection = undefined
    // The end of a broken connection may never be answered.
    connection?.close().catch(() => undefined)
    await pause(200, this.#options.signal)
  }
}

function arrayText(readings: Float32Array): string {
  return `{${Array.from(readings, (value) => (Number.isNaN(value) ? 'NULL' : value)).join(',')}}`
}
