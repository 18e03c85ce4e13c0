import type { PostgresConnection } from '@faultline/runtime/postgres'
import type { Inventory, Scenario } from './inventory.ts'
import { ahuModel } from './model.ts'

/**
 * Registers the model and the units and writes the labels to device_events. What exists stays as it is, so that rules
 * changed by hand survive a second load, and a label is not written twice.
 */
export async function installUnits(
  connection: PostgresConnection,
  { units, scenarios }: Inventory,
): Promise<void> {
  await connection.query(
    `insert into device_models (model, type, channels, units, rules) values ($1, $2, $3, $4, $5)
     on conflict (model) do nothing`,
    [
      ahuModel.model,
      ahuModel.type,
      ahuModel.channels,
      ahuModel.units,
      JSON.stringify(ahuModel.rules),
    ],
  )
  for (const { deviceId, equipment, location, source, season } of units) {
    await connection.query(
      `insert into device_catalog (device_id, type, model, name, location, attributes)
       values ($1, $2, $3, $4, $5, $6) on conflict (device_id) do nothing`,
      [
        deviceId,
        ahuModel.type,
        ahuModel.model,
        `${deviceId}: ${equipment}`,
        location,
        JSON.stringify({ source, season }),
      ],
    )
  }
  for (const scenario of scenarios) await writeLabel(connection, scenario)
}

/** A unit that ran with a fault all day; `detail.until` is the end of the day. */
async function writeLabel(connection: PostgresConnection, scenario: Scenario): Promise<void> {
  const { deviceId, dayMs, component, fault, intensity } = scenario
  const until = new Date(dayMs + 86_400_000).toISOString()
  await connection.query(
    `insert into device_events (device_id, occurred_at, kind, code, detail)
     select $1, $2, 'failure', $3, $4
     where not exists (
       select from device_events where device_id = $1 and occurred_at = $2 and code = $3)`,
    [
      deviceId,
      new Date(dayMs),
      `${component} ${fault}`.toUpperCase().replaceAll(' ', '_'),
      JSON.stringify({ component, fault, intensity, until, labelled: 'lbnl-ahu' }),
    ],
  )
}
