import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { deviceModelRow } from '@faultline/contracts/model'
import { loadFolder, readRejections } from './load-folder.ts'

// Our own rows in the shape of the data set, which may not be passed on: its headers, its notation of time, its damage.
const multiZone = `Datetime,AHU: Supply Air Temperature,AHU: Supply Air Temperature Set Point,AHU: Exhaust Air Damper Control Signal  ,AHU: Supply Air Duct Static Pressure ,Occupancy Mode Indicator,Fault Detection Ground Truth
8/28/2007 0:00,75.5,55,0.2,1.4,0,1
8/28/2007 0:02,#VALUE!,55,0.2,1.4,1,1
`
const singleZone = `Datetime,AHU: Supply Air Temperature,AHU: Supply Air Temperature Heating Set Point,AHU: Supply Air Temperature Cooling Set Point,Fault Detection Ground Truth
8/28/2007 0:01,72,,86,0
8/32/2007 0:01,72,50,86,0
8/28/2007 0:03,warm,50,86,0
8/28/2007 23:59,71,50,86,0
`
const catalog = `device_id,file,equipment,location,source,season
MZ,MZ.csv,multi-zone unit,"a building, Iowa",experimental,summer 2007
SZ,SZ.csv,single-zone unit,a cell,experimental,March 2017
GONE,GONE.csv,unit without a file,a cell,simulated,never
`
const scenarios = `device_id,date,component,fault,intensity
MZ,2007-08-28,heating coil valve,leaking,stage 1: 0.4 GPM
`
const dataSet = {
  'MZ.csv.gz': gzipSync(multiZone),
  'SZ.csv': singleZone,
  'catalog.csv': catalog,
  'scenarios.csv': scenarios,
}

test('the units are registered, their rows merged by time, their labels kept as events', async () => {
  await using files = await loadFolder(dataSet)
  const { connection } = files.database
  const result = await files.load()
  expect(result).toMatchObject({ files: 2, rows: 4, rejected: 2 })
  expect(
    (await readRejections(result.rejectedFile)).map(({ reason, file, at }) => [reason, file, at]),
  ).toEqual([
    ['CLOCK_INVALID', 'SZ.csv', 3],
    ['VALUE_INVALID', 'SZ.csv', 4],
  ])

  const [row] = await connection.query(`select * from device_models where model = 'ahu'`)
  const { channels, type } = deviceModelRow.parse(row)
  expect(type).toBe('ahu')
  const rows = await connection.query<{
    device_id: string
    measured_at: Date
    readings: (number | null)[]
  }>('select device_id, measured_at, readings from raw_measurements order by id')
  expect(rows.map(({ device_id, measured_at }) => [device_id, measured_at.toISOString()])).toEqual([
    ['MZ', '2007-08-28T00:00:00.000Z'],
    ['SZ', '2007-08-28T00:01:00.000Z'],
    ['MZ', '2007-08-28T00:02:00.000Z'],
    ['SZ', '2007-08-28T23:59:00.000Z'],
  ])
  const named = rows.map(({ readings }) =>
    Object.fromEntries(
      channels.flatMap((name, i) => (readings[i] == null ? [] : [[name, readings[i]]])),
    ),
  )
  const always = {
    supply_air_temp_set_point: 55,
    exhaust_damper: 0.2,
    static_pressure: 1.4,
  }
  expect(named.slice(0, 3)).toEqual([
    { ...always, supply_air_temp: 75.5, occupied: 0 },
    { supply_air_temp: 72, supply_air_temp_cooling_set_point: 86 },
    { ...always, occupied: 1 },
  ])

  expect(
    await connection.query('select device_id, kind, code, occurred_at from device_events'),
  ).toEqual([
    {
      device_id: 'MZ',
      kind: 'failure',
      code: 'HEATING_COIL_VALVE_LEAKING',
      occurred_at: new Date('2007-08-28T00:00:00Z'),
    },
  ])
  expect(
    await connection.query('select device_id, model, location from device_catalog order by 1'),
  ).toEqual([
    { device_id: 'GONE', model: 'ahu', location: 'a cell' },
    { device_id: 'MZ', model: 'ahu', location: 'a building, Iowa' },
    { device_id: 'SZ', model: 'ahu', location: 'a cell' },
  ])
})

test('a second load keeps rules that were changed and writes no label and no row twice', async () => {
  await using files = await loadFolder(dataSet)
  const { connection } = files.database
  await files.load()
  await connection.query(`update device_models set rules = '[]' where model = 'ahu'`)
  expect(await files.load()).toMatchObject({ files: 2, known: 2, rows: 0, rejected: 0 })
  expect(await connection.query(`select rules from device_models where model = 'ahu'`)).toEqual([
    { rules: [] },
  ])
  expect(await connection.query('select count(*)::int as events from device_events')).toEqual([
    { events: 1 },
  ])
  expect(await files.count()).toBe(4)
})

test('a column that the data set does not have loads nothing', async () => {
  await using files = await loadFolder({ ...dataSet, 'SZ.csv': 'Datetime,AHU: Mood\n' })
  await expect(files.load()).rejects.toThrow(/SZ\.csv has an unknown column "AHU: Mood"/)
  expect(await files.count()).toBe(0)
  expect(await files.database.connection.query('select from device_catalog')).toEqual([])
})
