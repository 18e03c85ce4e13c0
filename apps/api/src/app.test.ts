import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { addDevices, startApiUnderTest, type ApiUnderTest } from './testing/api-under-test.ts'
import { sampleDevice } from './testing/samples.ts'

let api: ApiUnderTest
beforeEach(async () => {
  api = await startApiUnderTest()
})
afterEach(async () => {
  await api.stop()
})

describe('a back end that is away', () => {
  const serving = [
    '/api/devices',
    '/api/devices/AC-0042',
    '/api/faults/top',
    '/api/fleet',
    '/api/events/hvac',
  ]
  const history = [
    '/api/devices/AC-0042/metrics?metric_name=x',
    '/api/devices/AC-0042/anomaly?metric_name=x',
    '/api/devices/AC-0042/events',
    '/api/devices/AC-0042/channels',
  ]

  it('is a 503 for what needs it, and only for that', async () => {
    addDevices(api, sampleDevice())
    api.serving.streams.set('hvac', [])
    api.warehouse.isAway = true
    for (const path of serving) expect((await api.get(path)).status, path).toBe(200)
    for (const path of history) {
      const { status, problem, headers } = await api.get(path)
      expect([status, problem.code, headers.get('retry-after')], path).toEqual([
        503,
        'WAREHOUSE_UNAVAILABLE',
        '1',
      ])
    }
    expect((await api.get('/readyz')).body).toMatchObject({ status: 'ready', warehouse: 'down' })
    api.warehouse.isAway = false
    api.serving.isAway = true
    for (const path of serving) {
      const { status, problem } = await api.get(path)
      expect([status, problem.code], path).toEqual([503, 'SERVING_STORE_UNAVAILABLE'])
    }
    for (const path of history) expect((await api.get(path)).status, path).toBe(200)
    const ready = await api.get('/readyz')
    expect([ready.status, ready.body['serving_store']]).toEqual([503, 'down'])
  })

  it('says it is not ready once it is stopping', async () => {
    expect((await api.get('/readyz')).status).toBe(200)
    api.health.stopping()
    expect((await api.get('/readyz')).status).toBe(503)
    expect((await api.get('/healthz')).status).toBe(200)
  })
})

describe('documents', () => {
  it('describes every route in OpenAPI 3.1', async () => {
    const { body } = await api.get('/openapi.json')
    expect(body['openapi']).toBe('3.1.0')
    const paths = body['paths'] as Record<string, Record<string, { operationId: string }>>
    const documented = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    )
    const served = api.routes
      .filter(({ tag }) => tag !== 'Documents')
      .map(({ method, path }) => `${method} ${path}`)
    expect(documented.toSorted()).toEqual(served.toSorted())
    expect(documented).toContain('get /api/live')
    const ids = Object.values(paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    )
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('has a page for each error type and nothing from elsewhere', async () => {
    const errors = await api.get('/docs/errors')
    expect(errors.text).toContain('id="OFFSET_NOT_REACHED"')
    for (const path of ['/', '/docs', '/docs/errors']) {
      const { status, text, headers } = await api.get(path)
      expect(status, path).toBe(200)
      expect(headers.get('content-security-policy')).toContain("script-src 'self'")
      expect(headers.get('x-powered-by')).toBeNull()
      expect(text).not.toMatch(/(src|href)="(https?:)?\/\//)
      for (const [, link = ''] of text.matchAll(/(?:src|href)="(\/[^"#]*)/g)) {
        expect((await api.get(link)).status, link).toBe(200)
      }
    }
  })
})
