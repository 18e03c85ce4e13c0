import type { EnrichedMeasurement } from '@faultline/contracts/enriched-measurement'

/** A record of the topic and its place. */
export interface PlacedMeasurement {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly measurement: EnrichedMeasurement
}

/**
 * A column of app.enriched_measurements in a form that ClickHouse and this program make alike, byte for byte: lengths and numbers
 * little-endian, floats as their bits, so no formatting of numbers matters.
 */
export interface ColumnBytes {
  readonly name: string
  /** ClickHouse's expression, of type String. */
  readonly sql: string
  readonly write: (out: ByteWriter, row: PlacedMeasurement) => void
  /** The value as people read it. */
  readonly shown: (row: PlacedMeasurement) => unknown
}

/** Appends to one growing buffer. */
export class ByteWriter {
  #buffer = Buffer.allocUnsafe(4_096)
  #end = 0

  clear(): void {
    this.#end = 0
  }
  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#end)
  }
  uint8(value: number): void {
    this.#room(1)
    this.#end = this.#buffer.writeUInt8(value, this.#end)
  }
  uint32(value: number): void {
    this.#room(4)
    this.#end = this.#buffer.writeUInt32LE(value, this.#end)
  }
  int64(value: bigint): void {
    this.#room(8)
    this.#end = this.#buffer.writeBigInt64LE(BigInt.asIntN(64, value), this.#end)
  }
  float64(value: number): void {
    this.#room(8)
    this.#end = this.#buffer.writeDoubleLE(value, this.#end)
  }
  float32(value: number): void {
    this.#room(4)
    this.#end = this.#buffer.writeFloatLE(value, this.#end)
  }
  text(value: string): void {
    const length = Buffer.byteLength(value)
    this.uint32(length)
    this.#room(length)
    this.#end += this.#buffer.write(value, this.#end)
  }

  #room(bytes: number): void {
    if (this.#end + bytes <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(2 * (this.#end + bytes))
    this.#buffer.copy(larger, 0, 0, this.#end)
    this.#buffer = larger
  }
}

type Read<T> = (row: PlacedMeasurement) => T

// A cast to String would drop trailing zeros.
const raw = (sql: string): string => `concat(reinterpretAsFixedString(${sql}), '')`
const textSql = (sql: string): string =>
  `concat(${raw(`toUInt32(length(CAST(${sql}, 'String')))`)}, CAST(${sql}, 'String'))`
const arraySql = (sql: string, item: (x: string) => string): string =>
  `concat(${raw(`toUInt32(length(${sql}))`)}, arrayStringConcat(arrayMap(x -> ${item('x')}, ${sql})))`
const nullableSql = (sql: string, type: string, item: (x: string) => string): string =>
  `if(isNull(${sql}), char(0), concat(char(1), ${item(`assumeNotNull(CAST(${sql}, 'Nullable(${type})'))`)}))`

function text(name: string, shown: Read<string>): ColumnBytes {
  const write = (out: ByteWriter, row: PlacedMeasurement) => {
    out.text(shown(row))
  }
  return { name, sql: textSql(name), write, shown }
}

function textOrNull(name: string, shown: Read<string | null>): ColumnBytes {
  return {
    name,
    sql: nullableSql(name, 'String', textSql),
    write: (out, row) => {
      const value = shown(row)
      out.uint8(value === null ? 0 : 1)
      if (value !== null) out.text(value)
    },
    shown,
  }
}

function whole(name: string, shown: Read<number | string>, sql = `toInt64(${name})`): ColumnBytes {
  return {
    name,
    sql: raw(sql),
    write: (out, row) => {
      out.int64(BigInt(shown(row)))
    },
    shown,
  }
}

const time = (name: string, shown: Read<number>): ColumnBytes =>
  whole(name, shown, `toUnixTimestamp64Milli(${name})`)

function float(name: string, shown: Read<number>): ColumnBytes {
  const write = (out: ByteWriter, row: PlacedMeasurement) => {
    out.float64(shown(row))
  }
  return { name, sql: raw(name), write, shown }
}

function array<T>(
  name: string,
  shown: Read<readonly T[]>,
  [item, write]: readonly [(x: string) => string, (out: ByteWriter, value: T) => void],
): ColumnBytes {
  return {
    name,
    sql: arraySql(name, item),
    write: (out, row) => {
      const values = shown(row)
      out.uint32(values.length)
      for (const value of values) write(out, value)
    },
    shown,
  }
}

const asText = [
  textSql,
  (out: ByteWriter, value: string) => {
    out.text(value)
  },
] as const
const asFloat64 = [
  raw,
  (out: ByteWriter, value: number) => {
    out.float64(value)
  },
] as const
const asFloat32 = [
  raw,
  (out: ByteWriter, value: number) => {
    out.float32(value)
  },
] as const

const features: ColumnBytes = {
  name: 'features',
  // A map has no order: its entries are taken by the bytes of their names.
  sql: arraySql(
    `arraySort(x -> x.1, arrayMap((k, v) -> (CAST(k, 'String'), v), mapKeys(features), mapValues(features)))`,
    (x) => `concat(${textSql(`${x}.1`)}, ${raw(`${x}.2`)})`,
  ),
  write: (out, { measurement }) => {
    const entries = Object.entries(measurement.features)
    entries.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    out.uint32(entries.length)
    for (const [name, value] of entries) {
      out.text(name)
      out.float64(value)
    }
  },
  shown: ({ measurement }) => measurement.features,
}

/** Every column but `ingested_at`, the time of the INSERT: nothing in the topic says what that must be. */
export const columns: readonly ColumnBytes[] = [
  whole('event_id', ({ measurement }) => measurement.event_id),
  text('device_id', ({ measurement }) => measurement.device_id),
  text('type', ({ measurement }) => measurement.type),
  text('model', ({ measurement }) => measurement.model),
  textOrNull('name', ({ measurement }) => measurement.name),
  textOrNull('line', ({ measurement }) => measurement.line),
  textOrNull('location', ({ measurement }) => measurement.location),
  time('measured_at', ({ measurement }) => measurement.measured_at),
  {
    name: 'car_number',
    sql: nullableSql('car_number', 'Int32', (x) => raw(`toInt64(${x})`)),
    write: (out, { measurement }) => {
      out.uint8(measurement.car_number === null ? 0 : 1)
      if (measurement.car_number !== null) out.int64(BigInt(measurement.car_number))
    },
    shown: ({ measurement }) => measurement.car_number,
  },
  array('readings', ({ measurement }) => measurement.readings, asFloat32),
  float('fault_score', ({ measurement }) => measurement.fault_score),
  text('alert_level', ({ measurement }) => measurement.alert_level),
  textOrNull('alarm_level', ({ measurement }) => measurement.alarm_level),
  array('fault_reasons', ({ measurement }) => measurement.fault_reasons, asText),
  {
    name: 'fault_probability',
    sql: nullableSql('fault_probability', 'Float64', raw),
    write: (out, { measurement }) => {
      out.uint8(measurement.fault_probability === null ? 0 : 1)
      if (measurement.fault_probability !== null) out.float64(measurement.fault_probability)
    },
    shown: ({ measurement }) => measurement.fault_probability,
  },
  ...(['source', 'code', 'channel'] as const).map((part) =>
    array(
      `explanation.${part}`,
      ({ measurement }) => measurement.explanation.map((entry) => entry[part]),
      asText,
    ),
  ),
  ...(['value', 'limit', 'contribution'] as const).map((part) =>
    array(
      `explanation.${part}`,
      ({ measurement }) => measurement.explanation.map((entry) => entry[part]),
      asFloat64,
    ),
  ),
  features,
  whole('catalog_lsn', ({ measurement }) => measurement.catalog_lsn),
  textOrNull('threshold_version', ({ measurement }) => measurement.threshold_version),
  textOrNull('model_version', ({ measurement }) => measurement.model_version),
  whole('revision', ({ measurement }) => measurement.revision),
  time('committed_at', ({ measurement }) => measurement.committed_at),
  time('enriched_at', ({ measurement }) => measurement.enriched_at),
  whole('source_partition', ({ measurement }) => measurement.source.partition),
  whole('source_offset', ({ measurement }) => measurement.source.offset),
  whole('source_lsn', ({ measurement }) => measurement.source.lsn),
  textOrNull('source_transaction', ({ measurement }) => measurement.source.transaction),
  text('topic', ({ topic }) => topic),
  whole('topic_partition', ({ partition }) => partition),
  whole('topic_offset', ({ offset }) => offset),
]

/** The 64-bit digest of a row in ClickHouse: the first eight bytes of MD5 over the columns' bytes. */
export const rowDigestSql = `reinterpretAsUInt64(substring(MD5(concat(${columns.map(({ sql }) => sql).join(', ')})), 1, 8))`
