import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startApiUnderTest, type ApiUnderTest } from './testing/api-under-test.ts'
import { sampleDevice, sampleEvent, sampleTimeMs } from './testing/samples.ts'

let api: ApiUnderTest
beforeEach(async () => {
  api = await startApiUnderTest()
})
afterEach(async () => {
  await api.stop()
})

function addDevices(...devices: ReturnType<typeof sampleDevice>[]) {
  for (const device of devices) api.serving.devices.set(device.device_id, device)
  api.serving.progress = [{ partition: 0, offset: 415, measuredAt: sampleTimeMs }]
  api.serving.halfLifeMs = 3_600_000
}

describe('GET /api/devices/:id', () => {
  it('answers what is known of the device, and how fresh it is', async () => {
    addDevices(sampleDevice())
    const { status, body, headers } = await api.get('/api/devices/AC-0042')
    expect(status).toBe(200)
    expect(body).toMatchObject({
      device_id: 'AC-0042',
      alert_level: 'warning',
      last_measured_at: '2026-11-21T09:30:00.000Z',
      fault_reasons: ['HIGH_TEMP'],
      source: { partition: 0, offset: 412, enriched_offset: 415 },
    })
    expect(headers.get('faultline-as-of')).toBe(`0;offset=415;measured_at=${sampleTimeMs}`)
  })

  it('answers 304 to who has it already, until the device changes', async () => {
    addDevices(sampleDevice())
    const first = await api.get('/api/devices/AC-0042')
    const tag = first.headers.get('etag') ?? ''
    expect(tag).toMatch(/^"[\w-]+"$/)
    const conditional = { headers: { 'if-none-match': `"other", W/${tag}` } }
    api.serving.progress = [{ partition: 0, offset: 999, measuredAt: sampleTimeMs }]
    const again = await api.get('/api/devices/AC-0042', conditional)
    expect([again.status, again.text]).toEqual([304, ''])
    expect(again.headers.get('faultline-as-of')).toContain('offset=999')
    addDevices(sampleDevice({ fault_score: 0.7 }))
    expect((await api.get('/api/devices/AC-0042', conditional)).status).toBe(200)
  })

  it('answers 404 for a device nobody has seen', async () => {
    const { status, problem, headers } = await api.get('/api/devices/AC-9999', {
      headers: { 'x-request-id': 'mine-1' },
    })
    expect(status).toBe(404)
    expect(headers.get('content-type')).toBe('application/problem+json; charset=utf-8')
    expect(problem).toEqual({
      type: '/docs/errors#NOT_FOUND',
      title: 'There is nothing at this address',
      status: 404,
      detail: 'No device has the id "AC-9999".',
      code: 'NOT_FOUND',
      request_id: 'mine-1',
    })
  })

  it('waits for an offset, and gives up with 409', async () => {
    addDevices(sampleDevice())
    expect((await api.get('/api/devices/AC-0042?min_offset=0:415')).status).toBe(200)
    const begun = api.time.nowMs
    const { status, problem } = await api.get('/api/devices/AC-0042?min_offset=0:416')
    expect([status, problem.code]).toEqual([409, 'OFFSET_NOT_REACHED'])
    expect(problem.detail).toBe('Partition 0 stands at offset 415, offset 416 was asked for.')
    expect(api.time.nowMs - begun).toBeGreaterThanOrEqual(2_000)
    expect((await api.get('/api/devices/AC-0042?min_offset=7:0')).status).toBe(409)
  })

  it('answers as soon as the offset is there', async () => {
    addDevices(sampleDevice())
    const waiting = api.get('/api/devices/AC-0042?min_offset=1:3')
    api.serving.progress = [...api.serving.progress, { partition: 1, offset: 3, measuredAt: null }]
    expect((await waiting).status).toBe(200)
  })
})

describe('GET /api/devices', () => {
  it('pages through all devices, each once', async () => {
    const ids = Array.from({ length: 25 }, (_, index) => `AC-${String(index).padStart(4, '0')}`)
    addDevices(...ids.map((device_id) => sampleDevice({ device_id })))
    const seen: unknown[] = []
    let path: string | null = '/api/devices?limit=10&type=hvac'
    let pages = 0
    while (path !== null) {
      const { body, headers } = await api.get(path)
      pages += 1
      seen.push(...(body['devices'] as { device_id: string }[]).map((device) => device.device_id))
      const link = /^<(?<next>[^>]+)>; rel="next"$/.exec(headers.get('link') ?? '')
      expect(link === null).toBe(body['next_cursor'] === null)
      path = link?.groups?.['next'] ?? null
      // What goes and comes meanwhile neither repeats nor hides another device.
      api.serving.devices.delete('AC-0001')
    }
    expect(seen).toEqual(ids)
    expect(pages).toBe(3)
  })

  it('filters by type, line and alert level', async () => {
    addDevices(
      sampleDevice({ device_id: 'a', line: 'Line 1', alert_level: 'critical' }),
      sampleDevice({ device_id: 'b', line: 'Line 2', alert_level: 'critical' }),
      sampleDevice({ device_id: 'c', line: 'Line 2', alert_level: 'normal' }),
      sampleDevice({ device_id: 'd', line: 'Line 2', alert_level: 'critical', type: 'ahu' }),
    )
    const idsOf = async (query: string) => {
      const { body } = await api.get(`/api/devices?${query}`)
      return (body['devices'] as { device_id: string }[]).map((device) => device.device_id)
    }
    expect(await idsOf('line=Line%202')).toEqual(['b', 'c', 'd'])
    expect(await idsOf('alert_level=critical&line=Line+2&type=hvac')).toEqual(['b'])
    expect(await idsOf('type=pump')).toEqual([])
  })

  it('bounds the search for a rare match, and lets the caller go on', async () => {
    const ids = Array.from({ length: 5_200 }, (_, index) => `D${String(index).padStart(6, '0')}`)
    addDevices(...ids.map((device_id) => sampleDevice({ device_id, line: 'Line 1' })))
    addDevices(sampleDevice({ device_id: 'Z', line: 'Line 9' }))
    const first = await api.get('/api/devices?line=Line%209')
    expect(first.body['count']).toBe(0)
    const cursor = first.body['next_cursor'] as string
    const second = await api.get(`/api/devices?line=Line%209&cursor=${cursor}`)
    expect(second.body).toMatchObject({ count: 1, next_cursor: null })
    expect((await api.get(`/api/devices?line=Line%201&cursor=${cursor}`)).status).toBe(400)
  })
})

describe('POST /api/devices/lookup', () => {
  it('gives the devices it finds, and names the others', async () => {
    addDevices(sampleDevice(), sampleDevice({ device_id: 'AC-0043' }))
    const { status, body } = await api.post('/api/devices/lookup', {
      ids: ['AC-0043', 'nobody', 'AC-0042', 'AC-0043'],
    })
    expect(status).toBe(200)
    expect(body).toMatchObject({ count: 2, not_found: ['nobody'] })
    expect((body['devices'] as { device_id: string }[]).map((device) => device.device_id)).toEqual([
      'AC-0043',
      'AC-0042',
    ])
  })

  it.each([
    ['no body', undefined, 415, 'MEDIA_TYPE_UNSUPPORTED'],
    ['not JSON', '{"ids":', 400, 'ARGUMENT_INVALID'],
    ['a number', '7', 400, 'ARGUMENT_INVALID'],
    ['no ids', '{"ids":[]}', 400, 'ARGUMENT_INVALID'],
    ['an unknown field', '{"ids":["a"],"more":1}', 400, 'ARGUMENT_INVALID'],
    ['__proto__', '{"ids":["a"],"__proto__":{"x":1}}', 400, 'ARGUMENT_INVALID'],
    ['a NUL in an id', '{"ids":["a\\u0000"]}', 400, 'ARGUMENT_INVALID'],
    ['too many ids', JSON.stringify({ ids: Array(501).fill('a') }), 400, 'ARGUMENT_INVALID'],
    ['too much', JSON.stringify({ ids: ['x'.repeat(70_000)] }), 413, 'BODY_TOO_LARGE'],
  ])('refuses %s', async (_name, body, status, code) => {
    const reply = await api.get('/api/devices/lookup', {
      method: 'POST',
      ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }),
    })
    expect([reply.status, reply.problem.code]).toEqual([status, code])
  })
})

describe('GET /api/faults/top', () => {
  it('turns live scores into the decayed sum at this moment', async () => {
    addDevices(sampleDevice(), sampleDevice({ device_id: 'AC-0043' }))
    // A score is the moment at which the sum has decayed to 1: one half-life ahead of now, the sum is 2.
    api.serving.rankings.set('all:live', [
      { deviceId: 'AC-0043', score: api.time.nowMs },
      { deviceId: 'AC-0042', score: api.time.nowMs + 3_600_000 },
      { deviceId: 'removed', score: api.time.nowMs + 1 },
    ])
    const { body } = await api.get('/api/faults/top')
    expect(body).toMatchObject({ type: 'all', window: 'live', half_life_ms: 3_600_000, count: 2 })
    expect(body['devices']).toMatchObject([
      { rank: 1, device_id: 'AC-0042', decayed_faults: 2 },
      { rank: 2, device_id: 'AC-0043', decayed_faults: 1 },
    ])
  })

  it('gives the exact sums of a window as they are', async () => {
    addDevices(sampleDevice())
    api.serving.rankings.set('hvac:24h', [{ deviceId: 'AC-0042', score: 12.25 }])
    const { body } = await api.get('/api/faults/top?type=hvac&window=24h&limit=1')
    expect(body['devices']).toMatchObject([{ decayed_faults: 12.25, score: 12.25 }])
  })

  it('is empty for a type that has no faults', async () => {
    expect((await api.get('/api/faults/top?type=pump')).body).toMatchObject({ count: 0 })
  })
})

describe('GET /api/fleet', () => {
  it('counts the devices of each type by alert level', async () => {
    api.serving.fleet.push({
      type: 'hvac',
      devices: 500,
      devices_normal: 480,
      devices_warning: 15,
      devices_critical: 5,
      events: 9_000,
      faults: 321,
    })
    const { body } = await api.get('/api/fleet')
    expect(body['types']).toEqual([
      {
        type: 'hvac',
        devices: 500,
        devices_by_alert_level: { normal: 480, warning: 15, critical: 5 },
        events: 9_000,
        faults: 321,
      },
    ])
  })
})

describe('GET /api/events/:type', () => {
  beforeEach(() => {
    const events = [1, 2, 3].map((n) => ({
      id: `100-${n}`,
      event: sampleEvent({ event_id: `${n}` }),
    }))
    api.serving.streams.set('hvac', events)
  })

  it('gives the newest, and reads on from there', async () => {
    const newest = await api.get('/api/events/hvac?limit=2')
    expect(newest.body).toMatchObject({ count: 2, next_after: '100-3', has_gap: false })
    const after = await api.get('/api/events/hvac?after=100-1')
    expect(after.body).toMatchObject({ count: 2, has_gap: false })
    const none = await api.get('/api/events/hvac?after=100-3')
    expect(none.body).toMatchObject({ count: 0, next_after: '100-3' })
    expect((await api.get('/api/events/hvac?after=99-0')).body).toMatchObject({ has_gap: true })
  })

  it('answers 404 for a type without devices', async () => {
    expect((await api.get('/api/events/pump')).status).toBe(404)
  })
})

describe('history', () => {
  const minute = 60_000
  beforeEach(() => {
    const readings = Array.from({ length: 120 }, (_, index) => ({
      timestampMs: sampleTimeMs - (119 - index) * minute,
      value: index === 110 ? 45 : 20 + (index % 3),
    }))
    api.warehouse.readings.set('AC-0042/temp_supply_air', readings)
    api.warehouse.channels.set('AC-0042', [{ name: 'temp_supply_air', unit: '°C' }])
    const events = [1, 2, 3, 4, 5].map((n) => ({
      eventId: String(8 + n),
      measuredAtMs: sampleTimeMs + Math.floor(n / 2) * minute,
      alertLevel: n === 3 ? ('critical' as const) : ('normal' as const),
      faultScore: n / 10,
      faultReasons: [],
      explanation: [],
      revision: 1,
    }))
    api.warehouse.events.set('AC-0042', events)
  })

  it('gives a channel at each granularity', async () => {
    const path = '/api/devices/AC-0042/metrics?metric_name=temp_supply_air'
    const range = `&start_time=2026-11-21T09:00:00Z&end_time=${sampleTimeMs}`
    for (const [granularity, count] of [
      ['raw', 30],
      ['1min', 30],
      ['1hour', 1],
      ['1day', 0],
    ] as const) {
      const { body } = await api.get(`${path}${range}&granularity=${granularity}`)
      expect(body, granularity).toMatchObject({ success: true, count, truncated: false })
      expect(body['duration_ms']).toEqual(expect.any(Number))
    }
    const { body } = await api.get(path)
    expect((body['data'] as unknown[]).at(-1)).toMatchObject({
      timestamp: '2026-11-21T09:30:00.000Z',
      value: 22,
    })
  })

  it('is empty for a channel or device without readings', async () => {
    const path = '/api/devices/AC-0001/metrics?metric_name=temp_supply_air'
    expect((await api.get(path)).body).toMatchObject({ success: true, data: [], count: 0 })
  })

  it('finds the minute that does not fit its past', async () => {
    const { body } = await api.get('/api/devices/AC-0042/anomaly?metric_name=temp_supply_air')
    expect(body).toMatchObject({ success: true, count: 120 })
    const anomalies = body['anomalies'] as { is_anomaly: boolean; value: number; z_score: number }[]
    expect(anomalies.filter((point) => point.is_anomaly)).toMatchObject([{ value: 45 }])
    expect(anomalies[0]).toMatchObject({ mean: null, z_score: null, is_anomaly: false })
  })

  it('pages through the events of a device, the newest first', async () => {
    const first = await api.get('/api/devices/AC-0042/events?limit=2')
    const ids = (reply: typeof first) =>
      (reply.body['events'] as { event_id: string }[]).map((event) => event.event_id)
    expect(ids(first)).toEqual(['13', '12'])
    const next = await api.get(
      `/api/devices/AC-0042/events?limit=2&before=${first.body['next_before'] as string}`,
    )
    expect(ids(next)).toEqual(['11', '10'])
    const byTime = await api.get('/api/devices/AC-0042/events?before=2026-11-21T09:31:00Z')
    expect(ids(byTime)).toEqual(['9'])
    expect(ids(await api.get('/api/devices/AC-0042/events?abnormal=true'))).toEqual(['11'])
  })

  it('names the channels', async () => {
    const { body } = await api.get('/api/devices/AC-0042/channels')
    expect(body['channels']).toEqual([{ name: 'temp_supply_air', unit: '°C' }])
  })
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
    addDevices(sampleDevice())
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

describe('what callers may send by mistake or malice', () => {
  const long = 'x'.repeat(5_000)
  it.each([
    [`/api/devices?type=${long}`, 400],
    [`/api/devices?${long}=1`, 400],
    [`/api/devices/${long}`, 400],
    [`/${long}`, 404],
  ])('a very long address gives an answer of bounded length, case %#', async (path, status) => {
    const reply = await api.get(path)
    expect(reply.status).toBe(status)
    expect(reply.text.length).toBeLessThan(1_500)
  })

  it.each([
    ['/api/devices?limit=10&limit=20', 400],
    ['/api/devices?limit=0', 400],
    ['/api/devices?limit=501', 400],
    ['/api/devices?limit=1e2', 400],
    ['/api/devices?limit=', 400],
    ['/api/devices?limit[$gt]=1', 400],
    ['/api/devices?__proto__[x]=1', 400],
    ['/api/devices?__proto__=1', 400],
    ['/api/devices?constructor=1', 400],
    ['/api/devices?colour=red', 400],
    ['/api/devices?type=a%00b', 400],
    ['/api/devices?cursor=%21%21', 400],
    ['/api/devices?cursor=bnVsbA', 400],
    ['/api/devices?alert_level=purple', 400],
    ['/api/devices/%00', 400],
    ['/api/devices/a%0Ab', 400],
    ['/api/devices/%E0%A4%A', 400],
    ['/api/devices/%ff', 400],
    ['/api/devices/__proto__', 404],
    ['/api/devices/constructor', 404],
    ['/api/devices/%F0%9F%A6%84', 404],
    ['/api/devices/..%2f..%2fetc%2fpasswd', 404],
    ['/api/devices/AC-0042?min_offset=0', 400],
    ['/api/devices/AC-0042?min_offset=0:-1', 400],
    ['/api/devices/AC-0042?min_offset=99999999999:1', 400],
    ['/api/faults/top?window=2h', 400],
    ['/api/faults/top?type=', 400],
    ['/api/events/hvac?after=99999999999999999999-0', 400],
    ['/api/events/hvac?after=x', 400],
    ['/api/events/__proto__', 404],
    ['/api/devices/a/metrics', 400],
    ['/api/devices/a/metrics?metric_name=x&granularity=2min', 400],
    ['/api/devices/a/metrics?metric_name=x&start_time=yesterday', 400],
    ['/api/devices/a/metrics?metric_name=x&start_time=2026-13-45T99:00:00Z', 400],
    ['/api/devices/a/metrics?metric_name=x&start_time=999999999999999', 400],
    ['/api/devices/a/metrics?metric_name=x&start_time=2000&end_time=1000', 400],
    ["/api/devices/a/metrics?metric_name='%20OR%201=1--", 200],
    ['/api/devices/a/anomaly?metric_name=x&hours=0', 400],
    ['/api/devices/a/anomaly?metric_name=x&hours=100000', 400],
    ['/api/devices/a/events?before=nonsense', 400],
    ['/api/nothing', 404],
    ['/..%2fapp.ts', 404],
    ['/%2e%2e/app.ts', 404],
    ['/.env', 404],
  ])('%s gives %i', async (path, status) => {
    const reply = await api.get(path)
    expect(reply.status, reply.text).toBe(status)
    if (status >= 400) {
      expect(reply.headers.get('content-type')).toContain('application/problem+json')
      expect(reply.problem.type).toBe(`/docs/errors#${reply.problem.code}`)
      expect(reply.text.length).toBeLessThan(3_000)
    }
  })

  it('names every field at fault', async () => {
    const { problem } = await api.get('/api/devices?limit=0&alert_level=purple')
    expect(problem.errors?.map(({ pointer }) => pointer)).toEqual([
      '/query/alert_level',
      '/query/limit',
    ])
  })

  it('answers 405 with the methods that apply', async () => {
    const reply = await api.get('/api/fleet', { method: 'DELETE' })
    expect([reply.status, reply.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
  })

  it('keeps the cause of an unknown error to itself', async () => {
    api.serving.devices.get = () => {
      throw new TypeError('secret inside')
    }
    const { status, text, problem } = await api.get('/api/devices/AC-0042')
    expect([status, problem.code]).toEqual([500, 'INTERNAL_ERROR'])
    expect(text).not.toContain('secret')
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
