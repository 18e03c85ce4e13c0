import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connectAsync, type MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeFrame } from '@faultline/core/frame'
import type { PostgresConnection } from '@faultline/runtime/postgres'
import { eventually } from '../../support/eventually.ts'
import { patience, toPostgres, uniqueName, untilShown } from '../../support/product/changes.ts'
import { faultlineOk } from '../../support/product/faultline-command.ts'
import { hvacReadings, registerUnits } from '../../support/product/fleet.ts'
import { product } from '../../support/product/product.ts'

const temperature = 0
const faultCode = 5
const hot = hvacReadings({ [temperature]: 36, [faultCode]: 7 })
/** Of the port of the API. */
const opsPortAbove = 18

let postgres: PostgresConnection
let device: MqttClient

beforeAll(async () => {
  postgres = await toPostgres()
  device = await connectAsync(product().mqttUrl, { protocolVersion: 5 })
})
afterAll(async () => {
  await device.endAsync()
  await postgres.close()
})

/** As a device does that waits for the broker's word. */
async function publish(deviceId: string, payload: Buffer | object): Promise<void> {
  const bytes = Buffer.isBuffer(payload) ? payload : Buffer.from(JSON.stringify(payload))
  await device.publishAsync(`fleet/${deviceId}/measurements`, bytes, { qos: 1 })
}

describe('a measurement that is published by MQTT', () => {
  it('is scored and shown by the API like any other, and once however often it is published', async () => {
    const deviceId = uniqueName('MQTT')
    await registerUnits(postgres, [deviceId])
    const measuredAtMs = Date.now() - 60_000
    const json = { measured_at: measuredAtMs, readings: [...hot] }
    await publish(deviceId, json)
    await publish(deviceId, json)
    const frame = encodeFrame({
      deviceId,
      measuredAtMs: measuredAtMs + 1_000,
      carNumber: 7,
      readings: hot,
    })
    await publish(deviceId, Buffer.from(frame))
    const { body } = await untilShown(deviceId, 2)
    expect(body).toMatchObject({
      device_id: deviceId,
      events_total: 2,
      faults_total: 2,
      alert_level: 'critical',
      fault_reasons: ['HIGH_TEMP', 'ABNORMAL_TEMP_DIFF'],
    })
    const [stored] = await postgres.query<{ rows: number }>(
      'select count(*)::int as rows from raw_measurements where device_id = $1',
      [deviceId],
    )
    expect(stored?.rows).toBe(2)
  })

  it('and makes no sense is kept with the reason, and holds up nobody', async () => {
    const deviceId = uniqueName('MQTT')
    await registerUnits(postgres, [deviceId])
    await publish(deviceId, { measured_at: 'yesterday', readings: [1] })
    await publish(deviceId, { measured_at: Date.now(), readings: [...hot] })
    await untilShown(deviceId, 1)
    const folder = join(product().home, 'rejected')
    const lines = readdirSync(folder)
      .filter((name) => name.startsWith('mqtt-'))
      .flatMap((name) => readFileSync(join(folder, name), 'utf8').trimEnd().split('\n'))
      .map((line) => JSON.parse(line) as { topic: string; reason: string })
    expect(lines.filter(({ topic }) => topic.includes(deviceId))).toMatchObject([
      { reason: 'CLOCK_INVALID' },
    ])
  })
})

describe('the MQTT source', () => {
  it('stands among the processes, and says that it is ready and what it took', async () => {
    const status = JSON.parse(await faultlineOk(product().home, ['status', '--json'])) as {
      processes: { name: string; state: string }[]
    }
    expect(status.processes).toContainEqual(
      expect.objectContaining({ name: 'mqtt-source', state: 'running' }),
    )
    const { port, hostname } = new URL(product().apiUrl)
    const ops = `http://${hostname}:${Number(port) + opsPortAbove}`
    await eventually(async () => {
      expect((await fetch(`${ops}/readyz`)).status).toBe(200)
    }, patience)
    const metrics = await (await fetch(`${ops}/metrics`)).text()
    expect(metrics).toMatch(/^faultline_messages_held \d+$/m)
    expect(metrics).toContain('faultline_measurements_written_total{app="mqtt-source"}')
  })
})
