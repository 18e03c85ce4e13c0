import { randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import { replication } from '@faultline/contracts/postgres-migrations'
import { connectPostgres, type PostgresConnection } from '@faultline/runtime/postgres'
import { eventually } from '../eventually.ts'
import { hvacReadings, insertRows } from './fleet.ts'
import { product } from './product.ts'

export const patience = { limitMs: 60_000, everyMs: 200 }

/** A name that no other test has, also where the product is used for several runs. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${randomUUID().slice(0, 8)}`
}

export function toPostgres(): Promise<PostgresConnection> {
  return connectPostgres({
    databaseUrl: product().databaseUrl,
    applicationName: 'change-test',
  })
}

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Readonly<Record<string, unknown>>
}

export async function askApi(path: string): Promise<Answer> {
  const response = await fetch(`${product().apiUrl}${path}`)
  const body = (await response.json()) as Record<string, unknown>
  return { status: response.status, headers: response.headers, body }
}

/** Waits until the API shows a device with so many measurements; null: until it knows no such device. */
export async function untilShown(deviceId: string, eventsTotal: number | null): Promise<Answer> {
  return eventually(async () => {
    const answer = await askApi(`/api/devices/${deviceId}`)
    expect(answer.status).toBe(eventsTotal === null ? 404 : 200)
    if (eventsTotal !== null) expect(answer.body).toMatchObject({ events_total: eventsTotal })
    return answer
  }, patience)
}

let measuredAtMs = Date.now() - 3_600_000

/** Commits measurements of a device that break no rule, each a second after the one before. */
export async function measure(deviceId: string, count = 1): Promise<void> {
  const rows = Array.from({ length: count }, () => {
    measuredAtMs += 1_000
    return { deviceId, measuredAtMs, readings: hvacReadings() }
  })
  await insertRows(product().databaseUrl, rows)
}

/** Has Debezium read tables again. */
export async function readAgain(
  postgres: PostgresConnection,
  type: 'incremental' | 'blocking',
  tables: readonly string[],
): Promise<void> {
  await postgres.query(
    `insert into ${replication.signalTable} (id, type, data) values ($1, 'execute-snapshot', $2)`,
    [randomUUID(), JSON.stringify({ type, 'data-collections': tables })],
  )
}
