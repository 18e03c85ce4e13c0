import { afterEach, expect, it } from 'vitest'
import type { Started } from '../lifecycle/index.ts'
import { Metrics } from '../metrics/index.ts'
import { startOpsServer, type Readiness } from './index.ts'

const servers: Started<unknown>[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop()
})

async function opsServer(readiness: () => Readiness, metrics = new Metrics()) {
  const listen = { host: '127.0.0.1', port: 0 }
  const server = await startOpsServer({ listen, metrics, readiness })
  servers.push(server)
  return async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${server.value.port}${path}`)
    return { status: response.status, type: response.headers.get('content-type'), response }
  }
}

const ready = (): Readiness => ({ ready: true, detail: { partitions: 4 } })

it('says that the process runs, ready or not', async () => {
  const get = await opsServer(() => ({ ready: false, detail: {} }))
  const { status, response } = await get('/healthz')
  expect(status).toBe(200)
  expect(await response.json()).toEqual({ status: 'ok' })
})

it('says whether the process does its work, asked anew each time', async () => {
  let current: Readiness = { ready: false, detail: { waiting_for: 'partitions' } }
  const get = await opsServer(() => current)
  const before = await get('/readyz?verbose')
  expect(before.status).toBe(503)
  expect(await before.response.json()).toEqual({
    status: 'not ready',
    waiting_for: 'partitions',
  })
  current = ready()
  const after = await get('/readyz')
  expect(after.status).toBe(200)
  expect(await after.response.json()).toEqual({ status: 'ready', partitions: 4 })
})

it('shows metrics as Prometheus text', async () => {
  const metrics = new Metrics()
  metrics.gauge('faultline_live_clients').set(7)
  const get = await opsServer(ready, metrics)
  const { status, type, response } = await get('/metrics')
  expect(status).toBe(200)
  expect(type).toContain('text/plain')
  expect(await response.text()).toContain('faultline_live_clients 7')
})

it('answers 500 when metrics cannot be collected, and goes on', async () => {
  const metrics = new Metrics()
  metrics.registry.metrics = () => Promise.reject(new Error('collector failed'))
  const get = await opsServer(ready, metrics)
  expect((await get('/metrics')).status).toBe(500)
  expect((await get('/healthz')).status).toBe(200)
})

it('knows no other address', async () => {
  const get = await opsServer(ready)
  expect((await get('/')).status).toBe(404)
})

it('frees its port when it stops, with connections open', async () => {
  const metrics = new Metrics()
  const listen = { host: '127.0.0.1', port: 0 }
  const first = await startOpsServer({ listen, metrics, readiness: ready })
  const address = `http://127.0.0.1:${first.value.port}/healthz`
  await (await fetch(address)).text()
  await first.stop()
  await expect(fetch(address)).rejects.toThrow()
  const again = { listen: { ...listen, port: first.value.port }, metrics, readiness: ready }
  const second = await startOpsServer(again)
  servers.push(second)
  expect((await fetch(address)).status).toBe(200)
})

it('fails to start on a port that is taken', async () => {
  const metrics = new Metrics()
  const listen = { host: '127.0.0.1', port: 0 }
  const first = await startOpsServer({ listen, metrics, readiness: ready })
  servers.push(first)
  const taken = { ...listen, port: first.value.port }
  await expect(startOpsServer({ listen: taken, metrics, readiness: ready })).rejects.toMatchObject({
    code: 'PORT_TAKEN',
  })
})
