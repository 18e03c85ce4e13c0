import { chmodSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { FaultlineError, messageOf } from '@faultline/runtime/errors'
import type { Started } from '@faultline/runtime/lifecycle'
import type { StackStatus } from './protocol.ts'

export interface ControlHandlers {
  status(): StackStatus
  /** Begins an orderly stop; the answer does not wait for its end. */
  stop(): void
  /** @throws FaultlineError NOT_FOUND */
  restart(name: string): void
}

/**
 * HTTP on a Unix socket that only this user can open: GET /status, POST /stop, POST /restart/<name>. The caller holds the
 * lock of the home folder, so a socket file that is already there was left by a dead supervisor.
 */
export async function startControlServer(
  path: string,
  handlers: ControlHandlers,
): Promise<Started<void>> {
  rmSync(path, { force: true })
  const server = createServer((request, response) => {
    try {
      answer(request, response, handlers)
    } catch (error) {
      const known = error instanceof FaultlineError
      send(response, known && error.code === 'NOT_FOUND' ? 404 : 500, {
        error: messageOf(error),
        remedy: known ? error.remedy : undefined,
      })
    }
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  chmodSync(path, 0o600)
  return {
    value: undefined,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeAllConnections()
      }),
  }
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  handlers: ControlHandlers,
): void {
  const route = `${request.method ?? ''} ${request.url ?? ''}`
  const restart = /^POST \/restart\/(?<name>[^/]+)$/.exec(route)?.groups?.['name']
  if (route === 'GET /status') send(response, 200, handlers.status())
  else if (route === 'POST /stop') {
    send(response, 202, {})
    handlers.stop()
  } else if (restart !== undefined) {
    handlers.restart(decodeURIComponent(restart))
    send(response, 202, {})
  } else send(response, 404, { error: `NOT_FOUND: ${route} is not known here` })
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' })
  response.end(JSON.stringify(body))
}
