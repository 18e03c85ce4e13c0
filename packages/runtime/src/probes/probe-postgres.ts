import { Client } from 'pg'
import { FaultlineError } from '../errors/index.ts'

const timeoutMs = 3_000

/** Logs in and runs a query. @throws FaultlineError DATABASE_UNAVAILABLE */
export async function probePostgres(databaseUrl: string): Promise<void> {
  const client = new Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
  })
  // A server that goes away between two steps is reported by the step that fails.
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query('SELECT 1')
  } catch (error) {
    throw new FaultlineError('DATABASE_UNAVAILABLE', 'PostgreSQL does not answer yet', {
      cause: error,
    })
  } finally {
    await client.end().catch(() => undefined)
  }
}
