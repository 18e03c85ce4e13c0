import { expect, test } from 'vitest'
import { createFleet, registerUnits } from '@faultline/load-generator/fleet'
import { createLoad, generate, postgresDestination } from '@faultline/load-generator/generate'
import { systemClock } from '@faultline/runtime/clock'
import { freshDatabase } from '../../support/fresh-database.ts'

const startMs = Date.UTC(2026, 0, 31)

test.each([100, 12, 130])(
  'a load of %d channels is committed row by row as it was made, for units of a model that has them',
  async (channels) => {
    await using database = await freshDatabase()
    const { connection } = database
    const fleet = createFleet({ seed: 7, units: 30, channels, idPrefix: 'GEN' })
    const destination = postgresDestination(connection)
    const { defects } = destination
    const shares = { lateShare: 0.1, badShare: 0.1, defects }
    const load = createLoad({ fleet, seed: 7, startMs, rowsPerSecond: 10, ...shares })
    await registerUnits(connection, fleet)
    await registerUnits(connection, fleet)
    const rows = 2_500
    await generate({ load, destination, rate: 'max', rows, clock: systemClock })

    const stored = await connection.query(
      'select device_id, measured_at, readings, car_number from raw_measurements order by id',
    )
    const expected = Array.from({ length: rows }, (_, n) => load(n).row)
    expect(stored.map(({ device_id }) => device_id as string)).toEqual(
      expected.map(({ deviceId }) => deviceId),
    )
    expect(stored.map(({ measured_at }) => (measured_at as Date).getTime())).toEqual(
      expected.map(({ measuredAtMs }) => measuredAtMs),
    )
    expect(stored.map(({ readings }) => Float32Array.from(readings as number[]))).toEqual(
      expected.map(({ readings }) => readings),
    )
    const registered = await connection.query(
      `select cardinality(channels) as channels, cardinality(m.units) as units, jsonb_array_length(rules) as rules, count(*)::int as devices
       from device_catalog join device_models m using (model) group by 1, 2, 3`,
    )
    expect(registered).toEqual([{ channels, units: channels, rules: 6, devices: 30 }])
  },
)
