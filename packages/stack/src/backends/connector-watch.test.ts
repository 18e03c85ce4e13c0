import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { keepConnectorRunning } from './connector.ts'

/** A Kafka Connect that knows two requests. */
let server: Server
let trace: string | undefined
const restarts: string[] = []
const slept: number[] = []
const told: string[] = []
let stop: AbortController

beforeEach(async () => {
  stop = new AbortController()
  for (const list of [restarts, slept, told]) list.length = 0
  server = createServer((request, response) => {
    if (request.method === 'POST') {
      restarts.push(request.url ?? '')
      // The third restart helps.
      if (restarts.length === 3) trace = undefined
      response.writeHead(204).end()
      return
    }
    const state = trace === undefined ? 'RUNNING' : 'FAILED'
    response.end(JSON.stringify({ connector: { state: 'RUNNING' }, tasks: [{ state, trace }] }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterEach(() => new Promise((resolve) => server.close(resolve)))

/** Time passes at once; the watch ends after `turns` of it. */
async function watch(turns: number): Promise<void> {
  const sleep = (ms: number) => {
    slept.push(ms)
    if (slept.length > turns) stop.abort()
    return Promise.resolve()
  }
  await keepConnectorRunning(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    signal: stop.signal,
    clock: { now: () => 0, sleep },
    warn: (message) => told.push(message),
  })
}

it('restarts what has failed, after growing pauses, until it runs', async () => {
  trace = 'org.apache.kafka.connect.errors.ConnectException: broken\n\tat x'
  await watch(5)
  expect(restarts).toHaveLength(3)
  expect(restarts[0]).toBe(
    '/connectors/faultline-postgres/restart?includeTasks=true&onlyFailed=true',
  )
  expect(slept).toEqual([2_000, 4_000, 8_000, 16_000, 2_000, 2_000])
  expect(told[0]).toContain('ConnectException: broken')
})

it('says what to run where the slot is lost', async () => {
  trace =
    'io.debezium.DebeziumException: … but this is no longer available on the server. Reconfigure'
  await watch(1)
  expect(told).toEqual(['the Debezium connector has lost its slot: run `faultline slot recover`'])
})
