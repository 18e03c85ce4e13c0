import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startApiUnderTest, type ApiUnderTest } from '../testing/api-under-test.ts'

let api: ApiUnderTest
beforeEach(async () => {
  api = await startApiUnderTest()
})
afterEach(async () => {
  await api.stop()
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
