import { createFleet } from '@faultline/load-generator/fleet'
import { createEncoder, type SchemaRegistry } from '@faultline/runtime/registry'
import {
  debeziumEnvelope,
  measurementColumns,
  type Columns,
} from '../../test/support/debezium-envelope.ts'

export interface FleetSize {
  readonly devices: number
  readonly channels: number
}

/** A change as Debezium would write it, and the partition it belongs to. */
export interface Captured {
  readonly key: string
  readonly partition: number
  readonly value: Buffer
}

export const partitions = 4
const startMs = Date.UTC(2026, 0, 1)
const intervalMs = 60_000
/** Models, devices and measurements were committed in this order. */
const firstLsn = { models: 1_000, devices: 10_000, measurements: 1_000_000_000 }
const lsnPerRow = 900

const text = 'string'
const modelColumns: Columns = {
  ...{ model: text, type: text, rules: text },
  ...{ channels: { type: 'array', items: text }, units: { type: 'array', items: text } },
}
const deviceColumns: Columns = {
  ...{ device_id: text, type: text, model: text, name: text, line: text, location: text },
}

/** Rules on the channels that the fleet's faults show in. */
const rules = [
  { code: 'HIGH_TEMP', channel: 'temp_supply_air', above: 35 },
  { code: 'LOW_TEMP', channel: 'temp_supply_air', below: 10 },
  { code: 'ABNORMAL_PRESSURE', channel: 'pressure_compressor', outside: [500, 2_000] },
]
const firstChannels = ['temp_supply_air', 'temp_return_air', 'pressure_compressor']

const type = 'hvac'
const modelName = (channels: number) => `bench-${channels}`

function change(after: object, lsn: number, committedAt: number) {
  const source = {
    ...{ version: '3.7.0.Final', connector: 'postgresql', name: 'postgres', ts_ms: committedAt },
    ...{
      snapshot: 'false',
      db: 'faultline',
      sequence: `["${lsn - 100}","${lsn}"]`,
      schema: 'public',
    },
    ...{ table: 'bench', txId: 7, lsn, ts_us: null, ts_ns: null, xmin: null },
  }
  return { before: null, after, source, op: 'c', ts_ms: committedAt, ts_us: null, ts_ns: null }
}

/** Writes a seeded fleet's rows as Debezium would: each device reports once a minute, in turn. */
export async function createCapture(registry: SchemaRegistry, seed: number) {
  const encoder = (subject: string, columns: Columns) =>
    createEncoder<object>(registry, `bench_${subject}`, debeziumEnvelope(columns))
  const encodeModel = await encoder('models', modelColumns)
  const encodeDevice = await encoder('devices', deviceColumns)
  const encodeMeasurement = await encoder('measurements', measurementColumns)

  return (size: FleetSize) => {
    const { devices, channels } = size
    const fleet = createFleet({ seed, units: devices, channels })
    const model = (): Captured => {
      const names = Array.from({ length: channels }, (_, n) => firstChannels[n] ?? `channel_${n}`)
      const row = { model: modelName(channels), type, rules: JSON.stringify(rules) }
      const units = names.map(() => '')
      const value = encodeModel(
        change({ ...row, channels: names, units }, firstLsn.models + channels, startMs),
      )
      return { key: row.model, partition: 0, value }
    }
    const device = (n: number): Captured => {
      const { deviceId, name, line, location } = fleet.units[n % devices] ?? failed(n)
      const row = { device_id: deviceId, type, model: modelName(channels), name, line, location }
      return {
        key: deviceId,
        partition: 0,
        value: encodeDevice(change(row, firstLsn.devices + n, startMs)),
      }
    }
    /** The nth measurement of the fleet. */
    const measurement = (n: number): Captured => {
      const unit = n % devices
      const timeMs = startMs + Math.floor(n / devices) * intervalMs
      const { deviceId, readings, carNumber } = fleet.measure({ unit, timeMs })
      const row = {
        ...{ id: n + 1, device_id: deviceId, measured_at: new Date(timeMs).toISOString() },
        ...{ readings: Array.from(readings), car_number: carNumber },
      }
      const value = encodeMeasurement(
        change(row, firstLsn.measurements + n * lsnPerRow, timeMs + 400),
      )
      return { key: deviceId, partition: unit % partitions, value }
    }
    return { size, model, device, measurement }
  }
}

export type Capture = ReturnType<Awaited<ReturnType<typeof createCapture>>>

function failed(n: number): never {
  throw new Error(`there is no device ${n}`)
}
