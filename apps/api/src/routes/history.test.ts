import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startApiUnderTest, type ApiUnderTest } from '../testing/api-under-test.ts'
import { sampleTimeMs } from '../testing/samples.ts'

let api: ApiUnderTest
beforeEach(async () => {
  api = await startApiUnderTest()
})
afterEach(async () => {
  await api.stop()
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
