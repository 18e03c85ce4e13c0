import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import type { Clock } from '@faultline/runtime/clock'
import { createFleet } from '../../fleet/index.ts'
import { generate } from '../generate.ts'
import { createLoad } from '../load.ts'
import { httpDestination } from './http.ts'
import { measurementJson } from './ndjson.ts'

const load = createLoad({
  fleet: createFleet({ seed: 1 }),
  seed: 1,
  startMs: Date.UTC(2026, 0, 31),
  rowsPerSecond: 1_000,
  lateShare: 0,
  badShare: 0,
  defects: [],
})
const clock: Clock = { now: () => 0, sleep: () => Promise.resolve() }

/** Answers each request with the next of these; 0 hangs up. */
async function startServer(answers: number[]) {
  const requests: { readonly key: unknown; readonly body: string }[] = []
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      requests.push({ key: request.headers['idempotency-key'], body })
      const status = answers.shift() ?? 202
      if (status === 0) response.destroy()
      else response.writeHead(status).end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const signal = new AbortController().signal
  return { requests, destination: httpDestination({ url, keyPrefix: 'load', clock, signal }) }
}

test('what the API could not take is sent again with its key, and then the next', async () => {
  const { requests, destination } = await startServer([503, 0, 202, 202])
  const result = await generate({ load, destination, rate: 'max', rows: 1_500, clock })
  expect(result.rows).toBe(1_500)
  expect(requests.map(({ key }) => key)).toEqual(['load-1', 'load-1', 'load-1', 'load-2'])
  const bodies = [requests[2]?.body ?? '', requests[3]?.body ?? '']
  expect(bodies.join('')).toBe(
    Array.from({ length: 1_500 }, (_, n) => `${measurementJson(load(n).row)}\n`).join(''),
  )
  expect(requests[0]).toEqual(requests[2])
})

test('what the API will never take ends the load', async () => {
  const { destination } = await startServer([413])
  await expect(generate({ load, destination, rate: 'max', rows: 10, clock })).rejects.toMatchObject(
    { code: 'ARGUMENT_INVALID' },
  )
})

test('a signal ends the waiting for an API that is away', async () => {
  const stopping = new AbortController()
  const { signal } = stopping
  const url = 'http://127.0.0.1:1'
  const waiting: Clock = {
    now: () => 0,
    sleep: () => {
      stopping.abort(new Error('stopping'))
      return Promise.reject(new Error('stopping'))
    },
  }
  const destination = httpDestination({ url, keyPrefix: 'load', clock: waiting, signal })
  const result = await generate({ load, destination, rate: 'max', rows: 10, clock, signal })
  expect(result).toMatchObject({ rows: 0, interrupted: true })
})
