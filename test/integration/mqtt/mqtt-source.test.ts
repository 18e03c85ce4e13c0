import { mkdtempSync, rmSync, writeFileSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { AppProcess } from '../../support/app-process.ts'
import { eventually } from '../../support/eventually.ts'
import { freshDatabase } from '../../support/fresh-database.ts'
import { MqttBroker } from '../../support/mqtt-broker.ts'
import {
  connectWhenBack,
  killPostgres,
  startPostgresServer,
} from '../../support/postgres-server.ts'
import { expectBalanced, GivenMessages, keptLines } from './given-messages.ts'

let folder: string
let errorFolder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mqtt-'))
  errorFolder = join(folder, 'rejected')
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

interface StartSettings {
  readonly databaseUrl: string
  readonly broker: MqttBroker
  readonly ready?: boolean
  readonly env?: Readonly<Record<string, string>>
}

const start = ({ databaseUrl, broker, ready = true, env = {} }: StartSettings) =>
  AppProcess.start({
    app: 'mqtt-source',
    databaseUrl,
    folder,
    ready,
    env: { MQTT_URL: broker.url, MQTT_ERROR_FOLDER: errorFolder, ...env },
  })

const untilAcknowledged = (broker: MqttBroker, count: number) =>
  eventually(() => {
    expect(broker.acknowledged).toBeGreaterThanOrEqual(count)
  })

const valueOf = async (source: AppProcess, metric: string) =>
  Number(new RegExp(`^${metric}(?:\\{[^}]*\\})? (.*)$`, 'm').exec(await source.metrics())?.[1])

describe('the MQTT source', () => {
  test.each([
    ['of MQTT 5', true, 5],
    ['that speaks only 3.1.1', false, 4],
  ])('takes the messages of a broker %s', async (_, speaks5, version) => {
    await using database = await freshDatabase()
    await using broker = await MqttBroker.start(speaks5)
    await using source = await start({ databaseUrl: database.databaseUrl, broker })
    const given = new GivenMessages()
    await given.publish(broker, 100)
    await untilAcknowledged(broker, given.total)
    expect(broker.acknowledged).toBe(given.total)
    expect(broker.versions).toEqual([version])
    await expectBalanced({ connection: database.connection, given, errorFolder })
    const metrics = await source.metrics()
    expect(metrics).toContain('faultline_measurements_written_total{app="mqtt-source"} 80')
    expect(metrics).toContain(
      'faultline_rejected_total{app="mqtt-source",reason="CLOCK_INVALID"} 20',
    )
    expect(metrics).toContain('faultline_messages_held 0')
  })

  test('acknowledges nothing before it is committed, and holds no more than it may', async () => {
    await using database = await freshDatabase()
    const { databaseUrl, connection } = database
    await using broker = await MqttBroker.start()
    await using source = await start({ databaseUrl, broker, env: { MQTT_IN_FLIGHT_MAX: '10' } })
    const given = new GivenMessages()
    await connection.query('begin')
    await connection.query('lock table raw_measurements in access exclusive mode')
    await given.publish(broker, 200)
    await eventually(async () => {
      expect(await valueOf(source, 'faultline_messages_held')).toBe(10)
    })
    expect(broker.acknowledged).toBe(0)
    await connection.query('commit')
    await untilAcknowledged(broker, given.total)
    await expectBalanced({ connection, given, errorFolder })
  })

  test('knows a message that a device sends anew, and passes over one that was retained', async () => {
    await using database = await freshDatabase()
    const { databaseUrl, connection } = database
    await using broker = await MqttBroker.start()
    const message = (carNumber: number) =>
      JSON.stringify({ measured_at: Date.UTC(2026, 10, 1), readings: [1], car_number: carNumber })
    await broker.publish('fleet/AC-1/measurements', message(1), true)
    await using source = await start({ databaseUrl, broker })
    for (const car of [2, 3, 2]) await broker.publish('fleet/AC-1/measurements', message(car))
    await untilAcknowledged(broker, 3)
    const rows = await connection.query('select car_number from raw_measurements order by 1')
    expect(rows).toEqual([{ car_number: 2 }, { car_number: 3 }])
    expect(await valueOf(source, 'faultline_replays_skipped_total')).toBe(1)
  })

  test('keeps what nobody can use, with the reason', async () => {
    await using database = await freshDatabase()
    await using broker = await MqttBroker.start()
    await using source = await start({ databaseUrl: database.databaseUrl, broker })
    const good = { measured_at: Date.UTC(2026, 10, 1), readings: [1] }
    const topic = 'fleet/AC-1/measurements'
    await broker.publish(topic, Buffer.alloc(427))
    await broker.publish(topic, JSON.stringify({ ...good, device_id: 'AC-2' }))
    await broker.publish(topic, '{')
    await broker.publish(topic, '')
    await untilAcknowledged(broker, 4)
    const kept = keptLines(errorFolder).map((line) => [line.topic, line.reason])
    expect(kept).toEqual([
      [topic, 'LENGTH_INVALID'],
      [topic, 'DEVICE_ID_INVALID'],
      [topic, 'TEXT_INVALID'],
      [topic, 'LENGTH_INVALID'],
    ])
    expect(keptLines(errorFolder)[0]?.raw).toBe(Buffer.alloc(427).toString('base64'))
    expect((await source.readiness()).status).toBe(200)
  })

  test('stops in order: what it took is acknowledged, the rest comes to its successor', async () => {
    await using database = await freshDatabase()
    const { databaseUrl, connection } = database
    await using broker = await MqttBroker.start()
    const given = new GivenMessages()
    await using first = await start({ databaseUrl, broker })
    const publishing = given.publish(broker, 500)
    await untilAcknowledged(broker, 50)
    expect(await first.kill('SIGTERM')).toBe(0)
    await publishing
    await using second = await start({ databaseUrl, broker })
    await untilAcknowledged(broker, given.total)
    expect(broker.acknowledged).toBe(given.total)
    expect(await valueOf(second, 'faultline_replays_skipped_total')).toBeNaN()
    await expectBalanced({ connection, given, errorFolder })
  })
})

describe('nothing is lost and nothing doubled', () => {
  const points = [
    'mqtt.rejection-kept',
    'mqtt.committed-unacknowledged',
    'collector.rows-copied',
    'collector.commit-unanswered',
  ]
  const cases = points.flatMap((point) => [1, 7].map((passage) => ({ point, passage })))

  test.each(cases)('when it is killed at $point, passage $passage', async ({ point, passage }) => {
    await using database = await freshDatabase()
    const { databaseUrl, connection } = database
    await using broker = await MqttBroker.start()
    const given = new GivenMessages()
    // So few at a time that there are more transactions than passages.
    const env = { MQTT_IN_FLIGHT_MAX: '20' }
    await using first = await start({ databaseUrl, broker, env })
    mkdirSync(join(folder, 'points'), { recursive: true })
    writeFileSync(join(folder, 'points', point), `kill ${passage}`)
    const publishing = given.publish(broker, 300)
    expect(await first.ended()).toBe('SIGKILL')
    await publishing
    // Published while it is away.
    await given.publish(broker, 20)
    await using second = await start({ databaseUrl, broker })
    await untilAcknowledged(broker, given.total)
    await expectBalanced({ connection, given, errorFolder })
    expect(second.hasEnded).toBe(false)
  })

  test('while the broker goes away and comes back', async () => {
    await using database = await freshDatabase()
    const { databaseUrl, connection } = database
    await using broker = await MqttBroker.start()
    const given = new GivenMessages()
    await using source = await start({ databaseUrl, broker })
    for (let round = 0; round < 3; round += 1) {
      const publishing = given.publish(broker, 100)
      await broker.goAway()
      await publishing
      await eventually(async () => {
        expect((await source.readiness()).body).toContain('the MQTT broker')
      })
      await broker.comeBack()
      await eventually(async () => {
        expect((await source.readiness()).status).toBe(200)
      })
    }
    await untilAcknowledged(broker, given.total)
    await expectBalanced({ connection, given, errorFolder })
    expect(source.hasEnded).toBe(false)
  })

  test('while PostgreSQL is killed under load', async () => {
    await using server = await startPostgresServer()
    const { databaseUrl } = server
    await using broker = await MqttBroker.start()
    const given = new GivenMessages()
    await using source = await start({ databaseUrl, broker })
    for (let round = 0; round < 2; round += 1) {
      const publishing = given.publish(broker, 200)
      await killPostgres(databaseUrl)
      await publishing
      await given.publish(broker, 50)
      await untilAcknowledged(broker, given.total)
      await eventually(async () => {
        expect((await source.readiness()).status).toBe(200)
      })
    }
    const connection = await connectWhenBack(databaseUrl)
    await expectBalanced({ connection, given, errorFolder })
    await connection.close()
    expect(source.hasEnded).toBe(false)
  })
})
