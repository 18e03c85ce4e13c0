import { BatchCommitter } from '@faultline/ingest/ledger'
import { isFaultlineError } from '@faultline/runtime/errors'
import { connectPostgres, type PostgresConnection } from '@faultline/runtime/postgres'

interface DatabaseSession {
  readonly connection: PostgresConnection
  readonly committer: BatchCommitter
}

/** A connection that is made when it is needed, and made anew after it broke. For one user at a time. */
export class Database {
  readonly #databaseUrl: string
  #session: DatabaseSession | undefined

  constructor(databaseUrl: string) {
    this.#databaseUrl = databaseUrl
  }

  /** @throws FaultlineError DATABASE_UNAVAILABLE, CONFIG_INVALID, and what `work` throws */
  async use<T>(work: (session: DatabaseSession) => Promise<T>): Promise<T> {
    this.#session ??= await this.#connect()
    try {
      return await work(this.#session)
    } catch (error) {
      if (isFaultlineError(error, 'DATABASE_UNAVAILABLE')) this.#drop()
      throw error
    }
  }

  async close(): Promise<void> {
    await this.#session?.connection.close().catch(() => undefined)
    this.#session = undefined
  }

  async #connect(): Promise<DatabaseSession> {
    const databaseUrl = this.#databaseUrl
    const connection = await connectPostgres({ databaseUrl, applicationName: 'collector' })
    return { connection, committer: new BatchCommitter(connection) }
  }

  #drop(): void {
    // A broken connection may take its time to close, or not answer at all.
    this.#session?.connection.close().catch(() => undefined)
    this.#session = undefined
  }
}
