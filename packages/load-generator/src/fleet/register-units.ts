import type { PostgresConnection } from '@faultline/runtime/postgres'
import { metroHvacChannels, type Fleet } from './fleet.ts'

/** A fleet with another number of channels has a model of its own, with the rules of metro-hvac. */
const modelOf = (channels: number): string =>
  channels === metroHvacChannels ? 'metro-hvac' : `metro-hvac-${channels}`

/** Registers the units that are not in the catalog, and their model; a unit that someone has changed stays as it is. */
export async function registerUnits(
  connection: PostgresConnection,
  { units, channels }: Pick<Fleet, 'units' | 'channels'>,
): Promise<void> {
  await connection.query(
    `insert into device_models (model, type, channels, units, rules)
     select $1, type,
       array(select coalesce(channels[n], 'aux_' || (n - 1)) from generate_series(1, $2::integer) as n),
       array(select coalesce(units[n], '') from generate_series(1, $2::integer) as n), rules
     from device_models where model = 'metro-hvac' on conflict (model) do nothing`,
    [modelOf(channels), channels],
  )
  await connection.query(
    `insert into device_catalog (device_id, type, model, name, line, location, attributes)
     select device_id, 'hvac', $6, name, line, location, jsonb_build_object('car_number', car_number)
     from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::integer[])
       as unit (device_id, name, line, location, car_number)
     on conflict (device_id) do nothing`,
    [
      units.map(({ deviceId }) => deviceId),
      units.map(({ name }) => name),
      units.map(({ line }) => line),
      units.map(({ location }) => location),
      units.map(({ carNumber }) => carNumber),
      modelOf(channels),
    ],
  )
}
