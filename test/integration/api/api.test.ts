import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLogger } from '@faultline/runtime/logging'
import type { Started } from '@faultline/runtime/lifecycle'
import { connectRedis, type RedisClient } from '@faultline/runtime/redis'
import { redisServingStore } from '../../../apps/redis-consumer/src/redis-serving-store.ts'
import type { ServingStore } from '../../../apps/redis-consumer/src/serving-store.ts'
import { connection } from '../../support/connection.ts'
import { enrichedMeasurement } from '../../support/enriched-measurements.ts'
import { eventually } from '../../support/eventually.ts'
import { startApi, type ApiProcess } from './api-process.ts'
import { openLine, type Line } from './cut.ts'

/** A database of the test server that belongs to these tests. */
const testDatabase = 11

describe('the API as a process', () => {
  let redis: Started<RedisClient>
  let store: ServingStore
  let redisLine: Line
  let clickhouseLine: Line
  let api: ApiProcess
  let epoch: number
  let offset = 0

  beforeAll(async () => {
    const { redisUrl, clickhouseUrl } = connection()
    redis = await connectRedis({
      url: `${redisUrl}/${testDatabase}`,
      clientName: 'api-tests',
      logger: createLogger('api-tests', 'silent'),
    })
    await redis.value.run('empty', (server) => server.flushdb())
    store = redisServingStore(redis.value, {
      halfLifeMs: 3_600_000,
      streamEventsMax: 100,
      windowEventsMax: 1_000,
      budget: 1_000,
    })
    epoch = (await store.takeOver(0)).epoch
    redisLine = await openLine(new URL(redisUrl))
    const clickhouse = new URL(clickhouseUrl)
    clickhouseLine = await openLine(new URL(clickhouseUrl))
    clickhouse.port = String(clickhouseLine.port)
    api = await startApi({
      redisUrl: `redis://127.0.0.1:${redisLine.port}/${testDatabase}`,
      clickhouseUrl: clickhouse.href,
    })
  })
  afterAll(async () => {
    await redis.stop()
    await redisLine.cut()
    await clickhouseLine.cut()
  })

  const get = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`${api.origin}${path}`, { headers })
    const text = await response.text()
    const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>
    return { status: response.status, headers: response.headers, body }
  }

  async function apply(fault_score: number) {
    const measured_at = Date.now()
    const measurement = enrichedMeasurement({
      event_id: String(offset + 1),
      device_id: 'API-1',
      measured_at,
      committed_at: measured_at,
      fault_score,
      alert_level: fault_score > 0 ? 'warning' : 'normal',
      fault_reasons: fault_score > 0 ? ['HIGH_TEMP'] : [],
    })
    const records = [{ offset, device_id: 'API-1', measurement }]
    await store.apply({ partition: 0, epoch, firstOffset: offset, nextOffset: offset + 1, records })
    offset += 1
  }

  it('answers with what has been applied, at the offset asked for', async () => {
    await eventually(async () => {
      expect((await get('/readyz')).body).toMatchObject({
        status: 'ready',
        serving_store: 'up',
        warehouse: 'up',
      })
    })
    await apply(0.5)
    const first = await get('/api/devices/API-1?min_offset=0:0')
    expect(first.body).toMatchObject({ device_id: 'API-1', fault_score: 0.5, events_total: 1 })
    const etag = first.headers.get('etag') ?? ''
    expect((await get('/api/devices/API-1', { 'if-none-match': etag })).status).toBe(304)
    const waiting = get('/api/devices/API-1?min_offset=0:1', { 'if-none-match': etag })
    await apply(0.25)
    expect((await waiting).body).toMatchObject({ fault_score: 0.25, events_total: 2 })
    const top = await get('/api/faults/top?type=hvac')
    expect(top.body).toMatchObject({ count: 1, half_life_ms: 3_600_000 })
    const [worst] = top.body['devices'] as { decayed_faults: number }[]
    expect(worst?.decayed_faults).toBeCloseTo(0.75, 2)
    expect((await get('/api/events/hvac')).body).toMatchObject({ count: 2 })
    expect((await get('/api/devices/API-1/metrics?metric_name=none')).body).toMatchObject({
      success: true,
      count: 0,
    })
  })

  it('survives Redis: 503 while it is away, right again when it is back', async () => {
    await redisLine.cut()
    await eventually(async () => {
      const { status, body } = await get('/api/devices/API-1')
      expect([status, body['code']]).toEqual([503, 'SERVING_STORE_UNAVAILABLE'])
    })
    expect((await get('/readyz')).status).toBe(503)
    expect((await get('/api/devices/API-1/channels')).status).toBe(200)
    await redisLine.mend()
    await eventually(async () => {
      expect((await get('/api/devices/API-1')).status).toBe(200)
    })
  })

  it('survives ClickHouse: only the history is missing meanwhile', async () => {
    await clickhouseLine.cut()
    const history = await get('/api/devices/API-1/events')
    expect([history.status, history.body['code']]).toEqual([503, 'WAREHOUSE_UNAVAILABLE'])
    expect((await get('/api/devices/API-1')).status).toBe(200)
    expect((await get('/readyz')).body).toMatchObject({ status: 'ready', warehouse: 'down' })
    await clickhouseLine.mend()
    await eventually(async () => {
      expect((await get('/api/devices/API-1/events')).status).toBe(200)
    })
  })

  it('counts its requests', async () => {
    const text = await (await fetch(`${api.origin}/metrics`)).text()
    expect(text).toMatch(
      /faultline_http_request_seconds_count\{method="GET",route="\/api\/devices\/:id",status="200"\} \d+/,
    )
  })

  it('ends its streams and stops in order on SIGTERM', async () => {
    const stream = await fetch(`${api.origin}/api/live`)
    const ended = stream.text()
    expect(await api.stop()).toBe(0)
    expect(await ended).toContain('event: hello')
  })
})
