import { connectPostgres, type PostgresConnection } from '@faultline/runtime/postgres'
import { eventually } from './eventually.ts'
import { startBackEnd, type PrepareHome } from './one-back-end.ts'

interface PostgresServer extends AsyncDisposable {
  readonly databaseUrl: string
}

/** PostgreSQL alone, with the schema, logical log and publication. */
export async function startPostgresServer(prepareHome?: PrepareHome): Promise<PostgresServer> {
  const { url, ...server } = await startBackEnd('postgres', prepareHome)
  return { ...server, databaseUrl: url }
}

/** Ends the server at once; its supervisor starts it anew. */
export async function killPostgres(databaseUrl: string): Promise<void> {
  const connection = await connectWhenBack(databaseUrl)
  const [file] = await connection.query<{ text: string }>(
    `select pg_read_file('postmaster.pid') as text`,
  )
  process.kill(Number(file?.text.split('\n')[0]), 'SIGKILL')
  await connection.close().catch(() => undefined)
}

export function connectWhenBack(databaseUrl: string): Promise<PostgresConnection> {
  return eventually(() => connectPostgres({ databaseUrl, applicationName: 'test' }))
}
