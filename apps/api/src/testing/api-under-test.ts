import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { systemClock } from '@faultline/runtime/clock'
import { createLogger } from '@faultline/runtime/logging'
import { Metrics } from '@faultline/runtime/metrics'
import { createApp, routesOf, type ApiDeps } from '../app.ts'
import { ApiHealth } from '../health.ts'
import type { Problem } from '../http/problem.ts'
import type { JsonRoute } from '../http/route.ts'
import { LiveHub, liveSettings, type LiveSettings } from '../live/live-hub.ts'
import { LiveReader } from '../live/live-reader.ts'
import { createMemoryIntake } from './memory-intake.ts'
import { createMemoryServingReader, emptyServingContents } from './memory-serving-reader.ts'
import { createMemoryWarehouseReader, emptyWarehouseContents } from './memory-warehouse-reader.ts'
import { sampleTimeMs, type sampleDevice } from './samples.ts'
import { chosenWay } from './way.ts'

export interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body; a success has been held to the schema of its route. */
  readonly body: Readonly<Record<string, unknown>>
  readonly problem: Problem
}

/** The API on fakes, over real HTTP. `nowMs` is the time it believes in. */
export async function startApiUnderTest(settings: Partial<LiveSettings> = {}) {
  const serving = emptyServingContents()
  const warehouse = emptyWarehouseContents()
  const time = { nowMs: sampleTimeMs + 1_000 }
  const readers = {
    serving: createMemoryServingReader(serving),
    warehouse: createMemoryWarehouseReader(warehouse),
  }
  const logger = createLogger('api', 'silent')
  const failures: unknown[] = []
  const hub = new LiveHub({
    reader: new LiveReader(readers.serving),
    clock: systemClock,
    logger,
    settings: { ...liveSettings, turnMs: 5, ...settings },
    onClients: () => undefined,
    fail: (error) => failures.push(error),
  })
  const health = new ApiHealth(readers)
  const intake = createMemoryIntake()
  const deps: ApiDeps = {
    ...readers,
    intake: intake.intake,
    hub,
    health,
    clock: { now: () => time.nowMs, sleep: (ms, signal) => sleepAndPass(time, ms, signal) },
    logger,
    metrics: new Metrics(),
  }
  const server = createServer(createApp(deps)[chosenWay()])
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const routes = routesOf({ ...deps, metrics: new Metrics() })
  const request = async (path: string, init: RequestInit = {}): Promise<Reply> => {
    const response = await fetch(`${origin}${path}`, init)
    return replyOf(routes, new URL(response.url).pathname, init.method ?? 'GET', response)
  }
  return {
    origin,
    routes,
    serving,
    warehouse,
    intake,
    time,
    health,
    hub,
    failures,
    get: request,
    post: (path: string, body: unknown) =>
      request(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    async stop() {
      await hub.stop()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export type ApiUnderTest = Awaited<ReturnType<typeof startApiUnderTest>>

/** Time that passes as soon as somebody waits for it. */
async function sleepAndPass(
  time: { nowMs: number },
  ms: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  await systemClock.sleep(0, signal)
  time.nowMs += ms
}

async function replyOf(
  routes: ApiUnderTest['routes'],
  path: string,
  method: string,
  response: Response,
): Promise<Reply> {
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json') === true && text !== ''
  const body = isJson ? (JSON.parse(text) as Record<string, unknown>) : {}
  if (response.ok && isJson) routeAt(routes, path, method)?.response.parse(body)
  const { status, headers } = response
  return { status, headers, text, body, problem: body as unknown as Problem }
}

/** The route that a path belongs to; literal paths go before patterns, as they do in the application. */
function routeAt(
  routes: ApiUnderTest['routes'],
  path: string,
  method: string,
): JsonRoute | undefined {
  return routes.find((route): route is JsonRoute => {
    const pattern = route.path.replaceAll(/\{\w+\}/g, '[^/]+')
    const hits = new RegExp(`^${pattern}$`).test(path)
    return hits && route.kind === 'json' && route.method === method.toLowerCase()
  })
}

/** Puts devices into the serving store, as a consumer that has come to offset 415. */
export function addDevices(api: ApiUnderTest, ...devices: ReturnType<typeof sampleDevice>[]): void {
  for (const device of devices) api.serving.devices.set(device.device_id, device)
  api.serving.progress = [{ partition: 0, offset: 415, measuredAt: sampleTimeMs }]
  api.serving.halfLifeMs = 3_600_000
}
