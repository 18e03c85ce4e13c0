import { MeasurementWriter, defaultBatch } from '@faultline/ingest/measurements'
import { connectPostgres, type PostgresConnection } from '@faultline/runtime/postgres'

/** Registers HVAC units; those that exist stay as they are. */
export async function registerUnits(
  postgres: PostgresConnection,
  ids: readonly string[],
): Promise<void> {
  await postgres.query(
    `insert into device_catalog(device_id, type, model, name, line, location)
     select id, 'hvac', 'metro-hvac', 'Unit ' || id, 'Line 1', 'Depot 1'
     from unnest($1::text[]) as id on conflict (device_id) do nothing`,
    [ids],
  )
}

/** Readings that break no rule, but for what is given by channel. */
export function hvacReadings(changes: Readonly<Record<number, number>> = {}): Float32Array {
  const readings = Float32Array.from({ length: 100 }, (_, channel) => 100 + channel)
  const healthy = [18, 10, 1_200, 20, 15, 0, 1]
  readings.set(healthy)
  for (const [channel, value] of Object.entries(changes)) readings[Number(channel)] = value
  return readings
}

export interface Row {
  readonly deviceId: string
  readonly measuredAtMs: number
  /** NaN: no value. */
  readonly readings: Float32Array
}

/** Commits rows in transactions of at most `batchRows`. */
export async function insertRows(
  databaseUrl: string,
  rows: Iterable<Row>,
  batchRows: number = defaultBatch.batchRows,
): Promise<void> {
  const postgres = await connectPostgres({ databaseUrl, applicationName: 'test-fleet' })
  try {
    const writer = new MeasurementWriter(postgres, { ...defaultBatch, batchRows })
    for (const row of rows) await writer.write({ ...row, carNumber: null })
    await writer.flush()
  } finally {
    await postgres.close()
  }
}
