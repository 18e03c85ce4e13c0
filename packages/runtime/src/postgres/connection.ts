import { finished } from 'node:stream/promises'
import { Client, type QueryResultRow } from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { FaultlineError } from '../errors/index.ts'
import { fromPostgres } from './errors.ts'

interface ConnectOptions {
  readonly databaseUrl: string
  /** Shown in pg_stat_activity. */
  readonly applicationName: string
}

/**
 * One connection, for one user at a time. Every method rejects with a FaultlineError where the failure is classified:
 * DATABASE_UNAVAILABLE also when the connection broke, after which it is of no more use and a new one is needed.
 */
export interface PostgresConnection {
  query<T extends QueryResultRow>(sql: string, params?: readonly unknown[]): Promise<readonly T[]>
  /** Runs `COPY … FROM STDIN` with the whole input given; all of it takes effect or none. */
  copyIn(sql: string, input: Uint8Array): Promise<void>
  close(): Promise<void>
}

/** @throws FaultlineError DATABASE_UNAVAILABLE, CONFIG_INVALID */
export async function connectPostgres(options: ConnectOptions): Promise<PostgresConnection> {
  const client = new Client({
    connectionString: options.databaseUrl,
    application_name: options.applicationName,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  })
  // `pg` gives a query on a broken connection an error without a code, so the break itself is remembered. Without a
  // listener it would end the process.
  let broken: Error | undefined
  client.on('error', (error) => {
    broken = error
  })
  const classify = (error: unknown): unknown => {
    if (broken === undefined) return fromPostgres(error)
    return new FaultlineError('DATABASE_UNAVAILABLE', 'the connection to PostgreSQL broke', {
      cause: broken,
      remedy: 'Check that the server of DATABASE_URL runs and can be reached.',
    })
  }
  try {
    await client.connect()
  } catch (error) {
    // `pg` says in words alone that a server hung up, or did not answer in time.
    if (error instanceof Error && /^(Connection terminated|timeout expired)/.test(error.message)) {
      broken ??= error
    }
    throw classify(error)
  }
  return {
    query: async <T extends QueryResultRow>(sql: string, params: readonly unknown[] = []) => {
      try {
        return (await client.query<T>(sql, [...params])).rows
      } catch (error) {
        throw classify(error)
      }
    },
    copyIn: async (sql, input) => {
      try {
        const stream = client.query(copyFrom(sql))
        stream.end(input)
        await finished(stream)
      } catch (error) {
        throw classify(error)
      }
    },
    close: () => client.end(),
  }
}
