import { createServer } from 'node:http'
import { FaultlineError, systemCode } from '../errors/index.ts'
import type { Started } from '../lifecycle/index.ts'
import type { Metrics } from '../metrics/index.ts'

/** What /readyz answers: ready, or why not. */
export interface Readiness {
  readonly ready: boolean
  readonly detail: Readonly<Record<string, unknown>>
}

interface OpsServerOptions {
  readonly listen: { readonly host: string; readonly port: number }
  readonly metrics: Metrics
  readonly readiness: () => Readiness
}

/**
 * Serves /healthz (the process runs), /readyz (it does its work) and /metrics (Prometheus text) of an application.
 * @throws FaultlineError PORT_TAKEN
 */
export async function startOpsServer(
  options: OpsServerOptions,
): Promise<Started<{ port: number }>> {
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0]
    const json = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
      response.end(JSON.stringify(body))
    }
    if (path === '/healthz') json(200, { status: 'ok' })
    else if (path === '/readyz') {
      const { ready, detail } = options.readiness()
      json(ready ? 200 : 503, { status: ready ? 'ready' : 'not ready', ...detail })
    } else if (path === '/metrics') {
      options.metrics.registry.metrics().then(
        (text) => {
          response.writeHead(200, { 'content-type': options.metrics.registry.contentType })
          response.end(text)
        },
        () => {
          json(500, { status: 'metrics failed' })
        },
      )
    } else json(404, { status: 'not found' })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(systemCode(error) === 'EADDRINUSE' ? portTaken(options.listen, error) : error)
    })
    server.listen(options.listen.port, options.listen.host, resolve)
  })
  const address = server.address()
  return {
    value: {
      port: typeof address === 'object' && address !== null ? address.port : options.listen.port,
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}

function portTaken({ host, port }: OpsServerOptions['listen'], cause: Error): FaultlineError {
  return new FaultlineError('PORT_TAKEN', `${host}:${port} is in use by another program`, {
    cause,
    remedy: 'Stop that program, or set OPS_LISTEN to another address.',
  })
}
