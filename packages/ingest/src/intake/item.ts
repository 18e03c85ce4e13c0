import { isPlausibleClock } from '@faultline/core/frame'
import type { ModelDirectory, Refusal } from '../files/csv-file.ts'
import { parseMeasuredAt } from '../files/measured-at.ts'
import { carNumberMax, controlCharacter, float32Max } from '../measurements/bounds.ts'
import type { Measurement } from '../measurements/index.ts'

/** As the enricher takes them: a longer id would make records too large to keep. */
const deviceIdMax = 256
const readingsMax = 10_000
const fields: readonly string[] = ['device_id', 'measured_at', 'readings', 'car_number']

/**
 * Turns what JSON gave into a row: `{device_id, measured_at, readings, car_number?}`. Readings are a list in the order of the model's channels,
 * or an object of channels by name; null, or a channel that is not named, is no value. Any value gives a row or a refusal, never an exception.
 */
export class ItemReader {
  readonly #directory: ModelDirectory
  /** Of each model: channel to its place. */
  readonly #places = new Map<string, ReadonlyMap<string, number>>()
  /** One array for each length, used again for the next row of it. */
  readonly #arrays = new Map<number, Float32Array>()

  constructor(directory: ModelDirectory) {
    this.#directory = directory
    for (const [model, channels] of directory.channelsOf) {
      this.#places.set(model, new Map(channels.map((channel, index) => [channel, index])))
    }
  }

  /** The row's readings are valid until the next call. */
  read(item: unknown): Measurement | Refusal {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) {
      return { reason: 'TEXT_INVALID', detail: 'the item is not a JSON object' }
    }
    for (const name in item) {
      if (!fields.includes(name)) {
        const detail = `there is no field ${JSON.stringify(name.slice(0, 100))}`
        return { reason: 'COLUMNS_INVALID', detail }
      }
    }
    const values = item as Readonly<Record<string, unknown>>
    const deviceId = this.#deviceId(values['device_id'])
    if (typeof deviceId !== 'string') return deviceId
    const measuredAtMs = toClock(values['measured_at'])
    if (measuredAtMs === undefined) {
      return {
        reason: 'CLOCK_INVALID',
        detail: 'measured_at is no ISO time and no epoch milliseconds of the years 2000 to 2099',
      }
    }
    const carNumber = toCarNumber(values['car_number'])
    if (carNumber === undefined) {
      return { reason: 'CAR_NUMBER_INVALID', detail: 'car_number is not a whole number' }
    }
    const readings = this.#readings(deviceId, values['readings'])
    return 'reason' in readings ? readings : { deviceId, measuredAtMs, readings, carNumber }
  }

  #deviceId(value: unknown): string | Refusal {
    if (value === '' || value === undefined || value === null) {
      return { reason: 'DEVICE_ID_EMPTY', detail: 'the device id is empty' }
    }
    if (typeof value !== 'string') {
      return { reason: 'DEVICE_ID_INVALID', detail: 'the device id is not text' }
    }
    if (this.#directory.modelOf.has(value)) return value
    if (value.length > deviceIdMax || controlCharacter.test(value) || !value.isWellFormed()) {
      const detail = `the device id has over ${deviceIdMax} characters, a control character, or half of one`
      return { reason: 'DEVICE_ID_INVALID', detail }
    }
    return value
  }

  #readings(deviceId: string, value: unknown): Float32Array | Refusal {
    if (Array.isArray(value)) return this.#list(deviceId, value)
    if (typeof value === 'object' && value !== null) return this.#byName(deviceId, value)
    return { reason: 'COLUMNS_INVALID', detail: 'readings is neither a list nor an object' }
  }

  #list(deviceId: string, list: readonly unknown[]): Float32Array | Refusal {
    const model = this.#directory.modelOf.get(deviceId)
    const channels = model === undefined ? undefined : this.#directory.channelsOf.get(model)
    const max = channels?.length ?? readingsMax
    if (list.length === 0 || list.length > max) {
      return {
        reason: 'COLUMNS_INVALID',
        detail: `readings has ${list.length} values, not 1 to ${max}`,
      }
    }
    const readings = this.#array(list.length)
    for (let place = 0; place < list.length; place += 1) {
      const reading = toReading(list[place])
      if (reading === undefined) return notFloat(`readings[${place}]`)
      readings[place] = reading
    }
    return readings
  }

  #byName(deviceId: string, named: object): Float32Array | Refusal {
    const names = Object.keys(named)
    if (names.length === 0) return { reason: 'COLUMNS_INVALID', detail: 'readings is empty' }
    const places = this.#placesFor(deviceId, names)
    if ('reason' in places) return places
    const readings = this.#array(places.size).fill(Number.NaN)
    for (const [name, value] of Object.entries(named)) {
      const reading = toReading(value)
      if (reading === undefined) return notFloat(name)
      readings[places.get(name) ?? 0] = reading
    }
    return readings
  }

  /** The channels of the device's model; of a device not yet registered, of the only model that has all of these. */
  #placesFor(deviceId: string, names: readonly string[]): ReadonlyMap<string, number> | Refusal {
    const model = this.#directory.modelOf.get(deviceId)
    if (model === undefined) {
      const fitting = [...this.#places.values()].filter((places) =>
        names.every((name) => places.has(name)),
      )
      if (fitting.length === 1 && fitting[0] !== undefined) return fitting[0]
      const detail = `the device is not in device_catalog, and its readings fit ${fitting.length} models`
      return { reason: 'DEVICE_UNKNOWN', detail }
    }
    const places = this.#places.get(model) ?? new Map<string, number>()
    const unknown = names.find((name) => !places.has(name))
    if (unknown === undefined) return places
    const detail = `the device's model ${model} has no channel ${JSON.stringify(unknown.slice(0, 100))}`
    return { reason: 'MODEL_MISMATCH', detail }
  }

  #array(length: number): Float32Array {
    let array = this.#arrays.get(length)
    if (array === undefined) {
      array = new Float32Array(length)
      this.#arrays.set(length, array)
    }
    return array
  }
}

function notFloat(name: string): Refusal {
  return { reason: 'VALUE_INVALID', detail: `${name.slice(0, 100)} is not a float32 number` }
}

/** NaN where there is no value, undefined where there is no number. */
function toReading(value: unknown): number | undefined {
  if (typeof value === 'number') return Math.abs(value) <= float32Max ? value : undefined
  return value === null ? Number.NaN : undefined
}

function toClock(value: unknown): number | undefined {
  if (typeof value === 'number') return isPlausibleClock(value) ? value : undefined
  return typeof value === 'string' ? parseMeasuredAt(value) : undefined
}

function toCarNumber(value: unknown): number | null | undefined {
  if (value === undefined || value === null) return null
  return Number.isInteger(value) && Math.abs(value as number) <= carNumberMax
    ? (value as number)
    : undefined
}
