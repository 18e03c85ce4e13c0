import type { PostgresConnection } from '@faultline/runtime/postgres'
import type { Unit } from './fleet/unit.ts'

/** Registers the units that are not in the catalog; a unit that someone has changed stays as it is. */
export async function registerUnits(
  connection: PostgresConnection,
  units: readonly Unit[],
): Promise<void> {
  await connection.query(
    `insert into device_catalog (device_id, type, model, name, line, location, attributes)
     select device_id, 'hvac', 'metro-hvac', name, line, location, jsonb_build_object('car_number', car_number)
     from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::integer[])
       as unit (device_id, name, line, location, car_number)
     on conflict (device_id) do nothing`,
    [
      units.map(({ deviceId }) => deviceId),
      units.map(({ name }) => name),
      units.map(({ line }) => line),
      units.map(({ location }) => location),
      units.map(({ carNumber }) => carNumber),
    ],
  )
}
