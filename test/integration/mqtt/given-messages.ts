import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { encodeFrame } from '@faultline/core/frame'
import type { PostgresConnection } from '@faultline/runtime/postgres'
import type { MqttBroker } from '../../support/mqtt-broker.ts'

const startMs = Date.UTC(2026, 10, 1)

/** All messages that were published, and what has to become of them. */
export class GivenMessages {
  readonly #good: string[] = []
  #bad = 0
  #serial = 0

  get total(): number {
    return this.#serial
  }

  get bad(): number {
    return this.#bad
  }

  /** Device, time and car number of each message that is to be in the database, sorted. */
  get good(): readonly string[] {
    return this.#good.toSorted()
  }

  /** Publishes frames and JSON in turn, every fifth of them bad. */
  async publish(broker: MqttBroker, count: number): Promise<void> {
    for (let i = 0; i < count; i += 1) await this.#publishOne(broker)
  }

  async #publishOne(broker: MqttBroker): Promise<void> {
    this.#serial += 1
    const carNumber = this.#serial
    const deviceId = `AC-${carNumber % 7}`
    const measuredAtMs = startMs + carNumber
    const topic = `fleet/${deviceId}/measurements`
    if (carNumber % 5 === 0) {
      this.#bad += 1
      const json = { measured_at: 'yesterday', readings: [1], car_number: carNumber }
      await broker.publish(topic, JSON.stringify(json))
      return
    }
    this.#good.push(`${deviceId} ${measuredAtMs} ${carNumber}`)
    const readings = Float32Array.from({ length: 100 }, (_, channel) => channel / 8)
    const payload =
      carNumber % 2 === 0
        ? encodeFrame({ deviceId, measuredAtMs, carNumber, readings })
        : JSON.stringify({
            measured_at: measuredAtMs,
            readings: [...readings],
            car_number: carNumber,
          })
    await broker.publish(topic, payload)
  }
}

interface RejectedLine {
  readonly topic: string
  readonly message: string
  readonly reason: string
  readonly detail: string
  readonly raw: string
}

export function keptLines(errorFolder: string): readonly RejectedLine[] {
  return readdirSync(errorFolder).flatMap((name) =>
    readFileSync(join(errorFolder, name), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as RejectedLine),
  )
}

/** Every message that was given is in the database once or counted as rejected once, with its reason in the folder. */
export async function expectBalanced(account: {
  readonly connection: PostgresConnection
  readonly given: GivenMessages
  readonly errorFolder: string
}): Promise<void> {
  const { connection, given, errorFolder } = account
  const rows = await connection.query<{ row: string }>(
    `select device_id || ' ' || (extract(epoch from measured_at) * 1000)::bigint || ' ' || car_number as row
     from raw_measurements`,
  )
  expect(rows.length).toBe(given.good.length)
  expect(rows.map(({ row }) => row).toSorted()).toEqual(given.good)
  const ledger = await connection.query(
    `select coalesce(sum(written), 0)::int as written, coalesce(sum(rejected), 0)::int as rejected
     from ingest_ledger where source = 'mqtt'`,
  )
  expect(ledger).toEqual([{ written: given.good.length, rejected: given.bad }])
  const kept = keptLines(errorFolder)
  expect(new Set(kept.map(({ message }) => message)).size).toBe(given.bad)
  expect(kept.every(({ reason }) => reason === 'CLOCK_INVALID')).toBe(true)
}
