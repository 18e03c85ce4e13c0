import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { environment as names } from '@faultline/contracts/environment'
import { backEndSpecs } from '@faultline/stack/backends'
import { stackFolders, stackPorts } from '@faultline/stack/layout'
import { Stack } from '@faultline/stack/run-stack'
import { isFaultlineError } from '@faultline/runtime/errors'
import { connectPostgres, type PostgresConnection } from '@faultline/runtime/postgres'
import { eventually } from './eventually.ts'

interface PostgresServer extends AsyncDisposable {
  readonly databaseUrl: string
}

// Below the range from which the system takes the ports of outgoing connections, and above those of the other back ends.
const firstPortBase = 27_000
const portStep = 10
const portBases = 20

const elsewhere = 'http://127.0.0.1:1'

/**
 * PostgreSQL alone, as the stack runs it: supervised, with the schema, logical log and publication. For what would disturb the
 * back ends of the tests, or be disturbed by them. `prepareHome` gets its folder before the data is in it.
 */
export async function startPostgresServer(
  prepareHome: (home: string) => Promise<() => Promise<void>> = () =>
    Promise.resolve(() => Promise.resolve()),
): Promise<PostgresServer> {
  const home = mkdtempSync(join(tmpdir(), 'faultline-postgres-'))
  let cleanUp: (() => Promise<void>) | undefined
  const prepare = async () => {
    cleanUp ??= await prepareHome(home)
  }
  const dispose = async (stack?: Stack) => {
    await stack?.stop()
    await cleanUp?.()
    rmSync(home, { recursive: true, force: true })
  }
  for (let attempt = 0; ; attempt += 1) {
    const server = createServer(home, firstPortBase + attempt * portStep, prepare)
    try {
      await server.stack.start()
      const [databaseUrl] = server.addresses
      if (databaseUrl === undefined) throw new Error('the server has no address')
      return { databaseUrl, [Symbol.asyncDispose]: () => dispose(server.stack) }
    } catch (error) {
      if (isFaultlineError(error, 'PORT_TAKEN') && attempt + 1 < portBases) continue
      await dispose()
      throw error
    }
  }
}

function createServer(
  home: string,
  portBase: number,
  prepare: () => Promise<void>,
): { stack: Stack; addresses: string[] } {
  // The others count as existing servers, which nobody asks for anything.
  const env = {
    ...process.env,
    [names.databaseUrl]: undefined,
    [names.kafkaBootstrap]: elsewhere,
    [names.schemaRegistryUrl]: elsewhere,
    [names.connectUrl]: elsewhere,
    [names.clickhouseUrl]: elsewhere,
    [names.redisUrl]: elsewhere,
  }
  const addresses: string[] = []
  const stack = new Stack({
    home,
    portBase,
    pageUrl: elsewhere,
    fresh: false,
    report: () => undefined,
    onStopRequested: () => undefined,
    compose: async (signal) => {
      await prepare()
      const ports = stackPorts(portBase)
      const folders = stackFolders(home)
      const onProgress = () => undefined
      const backEnds = await backEndSpecs({ folders, ports, env, signal, onProgress })
      addresses.push(backEnds.addresses.postgres)
      return { specs: backEnds.specs, environment: {} }
    },
  })
  return { stack, addresses }
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
