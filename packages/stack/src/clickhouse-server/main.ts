import { mkdir } from 'node:fs/promises'
import type { Server } from 'node:http'
import { setPriority } from 'node:os'
import { join } from 'node:path'
import { listenAddress, parseEnvironment } from '@faultline/runtime/config'
import { FaultlineError, systemCode } from '@faultline/runtime/errors'
import { runProcess, type Started } from '@faultline/runtime/lifecycle'
import { createLogger } from '@faultline/runtime/logging'
import { z } from 'zod'
import { Engine } from './engine.ts'
import { createEndpoint } from './http-endpoint.ts'

/** The engine asks for no password, so it is for this machine only. */
const loopback = listenAddress.refine(
  ({ host }) => ['127.0.0.1', '[::1]', 'localhost'].includes(host),
  {
    message: 'must be a loopback address: this server knows no passwords',
  },
)

const environment = z.object({
  CLICKHOUSE_LISTEN: loopback,
  CLICKHOUSE_DATA: z.string().min(1),
})

const bodyBytesMax = 256 * 1024 * 1024

// History can wait, the ranking cannot: on a small machine merges and roll-ups would take the processor from the way to Redis.
// Before the engine starts its threads, which inherit it.
setPriority(10)

const logger = createLogger('clickhouse')

runProcess(logger, async (context) => {
  const { scope } = context
  const { CLICKHOUSE_LISTEN: listen, CLICKHOUSE_DATA: folder } = parseEnvironment(
    environment,
    process.env,
  )
  const engine = await scope.start('engine', () => startEngine(join(folder, 'engine')))
  await scope.start('http', async () => {
    const server = await createEndpoint({
      engine,
      bodiesFolder: join(folder, 'bodies'),
      bodyBytesMax,
      onBroken: (error) => {
        context.fail(error)
      },
    })
    return await startListening(server, listen)
  })
  logger.info(listen, 'ClickHouse answers')
})

async function startEngine(folder: string): Promise<Started<Engine>> {
  await mkdir(folder, { recursive: true })
  try {
    const engine = new Engine(folder)
    return {
      value: engine,
      stop: () => engine.close(),
    }
  } catch (error) {
    throw new FaultlineError('BACK_END_UNAVAILABLE', 'ClickHouse cannot open its data folder', {
      cause: error,
      context: { folder },
      remedy: 'See the lines above: most often another process has the folder open.',
    })
  }
}

/** Stopping waits for the requests under way, so that the engine is idle when it is closed. */
async function startListening(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Started<Server>> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(systemCode(error) === 'EADDRINUSE' ? portTaken(port, error) : error)
    })
    server.listen(port, host.replaceAll(/[[\]]/g, ''), () => {
      resolve()
    })
  })
  return {
    value: server,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeIdleConnections()
      }),
  }
}

function portTaken(port: number, cause: unknown): FaultlineError {
  return new FaultlineError('PORT_TAKEN', `port ${port} is in use`, {
    cause,
    remedy: 'Stop the program that uses it, or choose other ports with --port-base.',
  })
}
