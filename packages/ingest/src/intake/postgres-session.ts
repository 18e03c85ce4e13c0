import { FaultlineError, isFaultlineError } from '@faultline/runtime/errors'
import type { PostgresConnection } from '@faultline/runtime/postgres'

export type Connect = () => Promise<PostgresConnection>

/** A connection that is made when it is needed, and anew after it broke. `T` is what is built on it. */
export class PostgresSession<T> {
  readonly #connect: Connect
  readonly #build: (connection: PostgresConnection) => T
  #current: { readonly connection: PostgresConnection; readonly value: T } | undefined

  constructor(connect: Connect, build: (connection: PostgresConnection) => T) {
    this.#connect = connect
    this.#build = build
  }

  /**
   * For one caller at a time. After an error the connection is not used again: where it did not break, nobody knows what state it is in.
   * @throws FaultlineError DATABASE_UNAVAILABLE, also where PostgreSQL has no disk space left, and what `work` throws
   */
  async use<R>(work: (value: T, connection: PostgresConnection) => Promise<R>): Promise<R> {
    try {
      if (this.#current === undefined) {
        const connection = await this.#connect()
        this.#current = { connection, value: this.#build(connection) }
      }
      const { value, connection } = this.#current
      return await work(value, connection)
    } catch (error) {
      await this.close()
      if (!isFaultlineError(error, 'DISK_FULL')) throw error
      // The caller's part is the same: to come again later.
      throw new FaultlineError('DATABASE_UNAVAILABLE', 'PostgreSQL has no disk space left', {
        cause: error,
      })
    }
  }

  async close(): Promise<void> {
    const current = this.#current
    this.#current = undefined
    await current?.connection.close().catch(() => undefined)
  }
}
