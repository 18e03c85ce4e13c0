import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { startClickhouse } from '@faultline/runtime/clickhouse'
import { systemClock, type Clock } from '@faultline/runtime/clock'
import { whileAnswering } from './while-answering.ts'

/** By which the asking is to end. */
let asking: AbortSignal | undefined
/** Asks as often as it can. */
const clock: Clock = {
  ...systemClock,
  sleep: (_ms, signal) => {
    asking = signal
    return systemClock.sleep(1, signal)
  },
}

let server: Server
/** Requests for a sign of life, which is given while there are fewer than `signsMax`. */
let signs: number
let signsMax: number
let answerStatement: PromiseWithResolvers<undefined>
let connection: ReturnType<typeof startClickhouse>
beforeEach(async () => {
  signs = 0
  signsMax = Infinity
  answerStatement = Promise.withResolvers()
  server = createServer((request, response) => {
    if (request.url?.startsWith('/ping') === true) {
      signs += 1
      if (signs <= signsMax) response.end('Ok.\n')
      else response.destroy()
    } else void answerStatement.promise.then(() => response.end('{"n":1}\n'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  connection = startClickhouse({
    url: `http://127.0.0.1:${port}`,
    clientName: 'test',
    requestTimeoutMs: 600_000,
  })
})
afterEach(async () => {
  await connection.stop()
  server.closeAllConnections()
  server.close()
})

function statement(): Promise<unknown> {
  const watched = { clickhouse: connection.value, clock, signal: new AbortController().signal }
  return whileAnswering(watched, (clickhouse) => clickhouse.rows('a test', { sql: 'SELECT 1 n' }))
}

it('waits for a long statement as long as the server answers', async () => {
  const rows = statement()
  await expect.poll(() => signs, { timeout: 30_000 }).toBeGreaterThan(5)
  answerStatement.resolve(undefined)
  expect(await rows).toEqual([{ n: 1 }])
  expect(asking?.aborted).toBe(true)
})

it('gives the statement up when the server stops answering', async () => {
  signsMax = 5
  await expect(statement()).rejects.toMatchObject({ code: 'WAREHOUSE_UNAVAILABLE' })
  expect(signs).toBe(6)
})
