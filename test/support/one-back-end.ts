import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { environment as names } from '@faultline/contracts/environment'
import { backEndSpecs } from '@faultline/stack/backends'
import { stackFolders, stackPorts } from '@faultline/stack/layout'
import { Stack } from '@faultline/stack/run-stack'
import { isFaultlineError } from '@faultline/runtime/errors'

interface OneBackEnd extends AsyncDisposable {
  readonly url: string
  /** The first of ten ports that belong to it; of these it uses one. */
  readonly portBase: number
}

/** Gets the folder before the data is in it, and gives what cleans up after it. */
export type PrepareHome = (home: string) => Promise<() => Promise<void>>

type Name = 'postgres' | 'redis'

// Below the range from which the system takes the ports of outgoing connections, and above those of the other back ends.
const firstPortBase = 27_000
const portStep = 10
const portBases = 20

const elsewhere = 'http://127.0.0.1:1'

/**
 * One back end alone, as the stack runs it: supervised and set up. For what would disturb the back ends of the tests, or be
 * disturbed by them.
 */
export async function startBackEnd(
  name: Name,
  prepareHome: PrepareHome = () => Promise.resolve(() => Promise.resolve()),
): Promise<OneBackEnd> {
  const home = mkdtempSync(join(tmpdir(), `faultline-${name}-`))
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
    const portBase = firstPortBase + attempt * portStep
    const server = createServer(name, { home, portBase, prepare })
    try {
      await server.stack.start()
      const [url] = server.addresses
      if (url === undefined) throw new Error('the server has no address')
      return { url, portBase, [Symbol.asyncDispose]: () => dispose(server.stack) }
    } catch (error) {
      if (isFaultlineError(error, 'PORT_TAKEN') && attempt + 1 < portBases) continue
      await dispose()
      throw error
    }
  }
}

const addressNames = { postgres: names.databaseUrl, redis: names.redisUrl } as const

function createServer(
  name: Name,
  place: {
    readonly home: string
    readonly portBase: number
    readonly prepare: () => Promise<void>
  },
): { stack: Stack; addresses: string[] } {
  const { home, portBase, prepare } = place
  // The others count as existing servers, which nobody asks for anything.
  const env = {
    ...process.env,
    [names.databaseUrl]: elsewhere,
    [names.kafkaBootstrap]: elsewhere,
    [names.schemaRegistryUrl]: elsewhere,
    [names.connectUrl]: elsewhere,
    [names.clickhouseUrl]: elsewhere,
    [names.redisUrl]: elsewhere,
    [addressNames[name]]: undefined,
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
      addresses.push(backEnds.addresses[name])
      return { specs: backEnds.specs, environment: {} }
    },
  })
  return { stack, addresses }
}
