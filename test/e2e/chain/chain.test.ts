import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectPostgres, type PostgresConnection } from '@faultline/runtime/postgres'
import { askClickhouse } from '../../support/chain/counts.ts'
import { untilSettled, verifyChain } from '../../support/chain/verify-chain.ts'
import { eventually } from '../../support/eventually.ts'
import { hvacReadings, insertRows, registerUnits, type Row } from '../../support/product/fleet.ts'
import { product } from '../../support/product/product.ts'

const settleLimitMs = 60_000
const temperature = 0
const faultCode = 5

describe('the whole chain', () => {
  let postgres: PostgresConnection
  beforeAll(async () => {
    postgres = await connectPostgres({
      databaseUrl: product().databaseUrl,
      applicationName: 'chain-test',
    })
  })
  afterAll(() => postgres.close())

  const api = async (path: string): Promise<unknown> => {
    const response = await fetch(`${product().apiUrl}${path}`)
    expect(response.status, path).toBe(200)
    return response.json()
  }

  it('shows a fault committed to PostgreSQL in the API, explained', async () => {
    await registerUnits(postgres, ['E2E-0001'])
    await insertRows(product().databaseUrl, [
      {
        deviceId: 'E2E-0001',
        measuredAtMs: Date.now(),
        readings: hvacReadings({ [temperature]: 36, [faultCode]: 7 }),
      },
    ])
    const summary = await eventually(() => api('/api/devices/E2E-0001'))
    expect(summary).toMatchObject({
      device_id: 'E2E-0001',
      type: 'hvac',
      line: 'Line 1',
      alert_level: 'critical',
      fault_score: 0.5,
      fault_reasons: ['HIGH_TEMP', 'ABNORMAL_TEMP_DIFF'],
      events_total: 1,
    })
    const top = await api('/api/faults/top?type=hvac&limit=100')
    expect(JSON.stringify(top)).toContain('E2E-0001')
  })

  it('takes each row once into every store, late and repeated ones too, and ranks them as a recount does', async () => {
    const ids = Array.from({ length: 20 }, (_, n) => `E2E-1${String(n).padStart(3, '0')}`)
    await registerUnits(postgres, ids)
    await insertRows(product().databaseUrl, fleetRows(ids, { rows: 4_000, now: Date.now() }), 500)
    await untilSettled(product(), settleLimitMs)
    const counts = await verifyChain(product())
    expect(counts.enriched).toBe(counts.postgres)
    expect(counts.postgres).toBeGreaterThanOrEqual(4_000)
  })

  it('lets measurements of an unregistered device wait until it is registered', async () => {
    const row = { deviceId: 'E2E-2001', measuredAtMs: Date.now(), readings: hvacReadings() }
    await insertRows(product().databaseUrl, [row, { ...row, measuredAtMs: row.measuredAtMs + 1 }])
    await registerUnits(postgres, ['E2E-2001'])
    const summary = await eventually(() => api('/api/devices/E2E-2001'))
    expect(summary).toMatchObject({ device_id: 'E2E-2001' })
    await untilSettled(product(), settleLimitMs)
    expect(await api('/api/devices/E2E-2001')).toMatchObject({ events_total: 2, faults_total: 0 })
  })

  it('joins the catalog row that was committed before the measurement', async () => {
    await registerUnits(postgres, ['E2E-3001'])
    const measuredAtMs = Date.now()
    const row = { deviceId: 'E2E-3001', readings: hvacReadings() }
    await insertRows(product().databaseUrl, [{ ...row, measuredAtMs }])
    await postgres.query(`update device_catalog set line = 'Line 9' where device_id = 'E2E-3001'`)
    await insertRows(product().databaseUrl, [{ ...row, measuredAtMs: measuredAtMs + 1 }])
    await eventually(async () => {
      expect(await api('/api/devices/E2E-3001')).toMatchObject({ events_total: 2, line: 'Line 9' })
    })
    const joined = `SELECT count() FROM app.enriched_measurements WHERE device_id = 'E2E-3001' AND line =`
    await eventually(async () => {
      expect(await askClickhouse(product(), `${joined} 'Line 1'`)).toBe(1)
      expect(await askClickhouse(product(), `${joined} 'Line 9'`)).toBe(1)
    })
  })

  it('takes a rule change without a restart, from the measurement after it on', async () => {
    await postgres.query(
      `insert into device_models(model, type, channels, units, rules)
       values ('e2e-pump', 'pump', '{flow}', '{l/s}', '[{"code":"LOW_FLOW","channel":"flow","below":1}]')
       on conflict (model) do nothing`,
    )
    await postgres.query(
      `insert into device_catalog(device_id, type, model) values ('E2E-4001', 'pump', 'e2e-pump')
       on conflict (device_id) do nothing`,
    )
    const row = { deviceId: 'E2E-4001', readings: Float32Array.of(2) }
    const measuredAtMs = Date.now()
    await insertRows(product().databaseUrl, [{ ...row, measuredAtMs }])
    await postgres.query(
      `update device_models set rules = '[{"code":"LOW_FLOW","channel":"flow","below":3}]'
       where model = 'e2e-pump'`,
    )
    await insertRows(product().databaseUrl, [{ ...row, measuredAtMs: measuredAtMs + 1 }])
    await eventually(async () => {
      expect(await api('/api/devices/E2E-4001')).toMatchObject({
        events_total: 2,
        faults_total: 1,
        fault_reasons: ['LOW_FLOW'],
      })
    })
  })

  it('lets a deleted device disappear everywhere', async () => {
    await registerUnits(postgres, ['E2E-5001'])
    await insertRows(product().databaseUrl, [
      {
        deviceId: 'E2E-5001',
        measuredAtMs: Date.now(),
        readings: hvacReadings({ [temperature]: 40 }),
      },
    ])
    await eventually(() => api('/api/devices/E2E-5001'))
    await postgres.query(`delete from device_catalog where device_id = 'E2E-5001'`)
    await eventually(async () => {
      const response = await fetch(`${product().apiUrl}/api/devices/E2E-5001`)
      expect(response.status).toBe(404)
    })
    expect(JSON.stringify(await api('/api/faults/top?limit=100'))).not.toContain('E2E-5001')
  })
})

/** Rows with faults here and there, every tenth an hour late. Deterministic but for `now`. */
function* fleetRows(
  ids: readonly string[],
  { rows, now }: { readonly rows: number; readonly now: number },
): Generator<Row> {
  for (let n = 0; n < rows; n++) {
    const lateMs = n % 10 === 9 ? 3_600_000 : 0
    const isHot = (n * 7) % 31 === 0
    yield {
      deviceId: ids[n % ids.length] ?? '',
      measuredAtMs: now - (rows - n) * 1_000 - lateMs,
      readings: hvacReadings({
        [temperature]: isHot ? 36 + (n % 5) : 18,
        20: Math.sin(n) * 10,
        21: Number.NaN,
      }),
    }
  }
}
