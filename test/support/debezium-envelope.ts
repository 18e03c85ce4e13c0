import type avro from 'avsc'

/** Avro types of a table's columns, in their order. */
export type Columns = Readonly<Record<string, unknown>>

/** Those of raw_measurements. */
export const measurementColumns: Columns = {
  id: { type: 'long', connect: 1 },
  device_id: 'string',
  measured_at: { type: 'string', 'connect.name': 'io.debezium.time.ZonedTimestamp' },
  readings: { type: 'array', items: ['null', 'float'] },
  car_number: ['null', 'int'],
}

/** The schema of a table's changes, as Debezium registers it. */
export function debeziumEnvelope(of: Columns): avro.Schema {
  const optional = (name: string, type: unknown) => ({ name, type: ['null', type], default: null })
  const longs = (...names: string[]) => names.map((name) => optional(name, 'long'))
  const row = {
    ...{ type: 'record', name: 'Value' },
    fields: Object.entries(of).map(([name, type]) => ({ name, type })),
  }
  const source = {
    ...{ type: 'record', name: 'Source', namespace: 'io.debezium.connector.postgresql' },
    fields: [
      ...['version', 'connector', 'name'].map((name) => ({ name, type: 'string' })),
      { name: 'ts_ms', type: 'long' },
      { name: 'snapshot', type: ['string', 'null'], default: 'false' },
      { name: 'db', type: 'string' },
      optional('sequence', 'string'),
      ...longs('ts_us', 'ts_ns'),
      ...['schema', 'table'].map((name) => ({ name, type: 'string' })),
      ...longs('txId', 'lsn', 'xmin'),
    ],
  }
  const schema = {
    ...{ type: 'record', name: 'Envelope', namespace: 'postgres.public.raw_measurements' },
    fields: [
      optional('before', row),
      optional('after', 'Value'),
      { name: 'source', type: source },
      { name: 'op', type: 'string' },
      ...longs('ts_ms', 'ts_us', 'ts_ns'),
    ],
  }
  return schema as avro.Schema
}
