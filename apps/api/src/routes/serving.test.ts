import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { addDevices, startApiUnderTest, type ApiUnderTest } from '../testing/api-under-test.ts'
import { sampleDevice, sampleEvent, sampleTimeMs } from '../testing/samples.ts'

let api: ApiUnderTest
beforeEach(async () => {
  api = await startApiUnderTest()
})
afterEach(async () => {
  await api.stop()
})

describe('GET /api/devices/:id', () => {
  it('answers what is known of the device, and how fresh it is', async () => {
    addDevices(api, sampleDevice())
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
    addDevices(api, sampleDevice())
    const first = await api.get('/api/devices/AC-0042')
    const tag = first.headers.get('etag') ?? ''
    expect(tag).toMatch(/^"[\w-]+"$/)
    const conditional = { headers: { 'if-none-match': `"other", W/${tag}` } }
    api.serving.progress = [{ partition: 0, offset: 999, measuredAt: sampleTimeMs }]
    const again = await api.get('/api/devices/AC-0042', conditional)
    expect([again.status, again.text]).toEqual([304, ''])
    expect(again.headers.get('faultline-as-of')).toContain('offset=999')
    addDevices(api, sampleDevice({ fault_score: 0.7 }))
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
    addDevices(api, sampleDevice())
    expect((await api.get('/api/devices/AC-0042?min_offset=0:415')).status).toBe(200)
    const begun = api.time.nowMs
    const { status, problem } = await api.get('/api/devices/AC-0042?min_offset=0:416')
    expect([status, problem.code]).toEqual([409, 'OFFSET_NOT_REACHED'])
    expect(problem.detail).toBe('Partition 0 stands at offset 415, offset 416 was asked for.')
    expect(api.time.nowMs - begun).toBeGreaterThanOrEqual(2_000)
    expect((await api.get('/api/devices/AC-0042?min_offset=7:0')).status).toBe(409)
  })

  it('answers as soon as the offset is there', async () => {
    addDevices(api, sampleDevice())
    const waiting = api.get('/api/devices/AC-0042?min_offset=1:3')
    api.serving.progress = [...api.serving.progress, { partition: 1, offset: 3, measuredAt: null }]
    expect((await waiting).status).toBe(200)
  })
})

describe('GET /api/devices', () => {
  it('pages through all devices, each once', async () => {
    const ids = Array.from({ length: 25 }, (_, index) => `AC-${String(index).padStart(4, '0')}`)
    addDevices(api, ...ids.map((device_id) => sampleDevice({ device_id })))
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
      api,
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
    addDevices(api, ...ids.map((device_id) => sampleDevice({ device_id, line: 'Line 1' })))
    addDevices(api, sampleDevice({ device_id: 'Z', line: 'Line 9' }))
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
    addDevices(api, sampleDevice(), sampleDevice({ device_id: 'AC-0043' }))
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
    addDevices(api, sampleDevice(), sampleDevice({ device_id: 'AC-0043' }))
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
    addDevices(api, sampleDevice())
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
