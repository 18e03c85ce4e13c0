import avro from 'avsc'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isFaultlineError } from '@faultline/runtime/errors'
import { createProjection, type SchemaRegistry } from '@faultline/runtime/registry'
import {
  debeziumEnvelope,
  measurementColumns as columns,
  type Columns,
} from '../../../../test/support/debezium-envelope.ts'
import { capturedMeasurementAvro } from './captured-measurement.ts'
import { toChange } from './change.ts'
import { isRefusal, toMeasurement } from './measurement.ts'

const avroOf = (of: Columns) => avro.Type.forSchema(debeziumEnvelope(of), { wrapUnions: 'auto' })

const doubles = { type: 'array', items: ['null', 'double'] }

function withoutCar(): Columns {
  const { id, device_id, measured_at, readings } = columns
  return { id, device_id, measured_at, readings }
}

const time = Date.UTC(2026, 5, 1)

function change(row: Columns, rest: Columns = {}) {
  const source = {
    ...{ version: '3', connector: 'postgresql', name: 'postgres', ts_ms: time, snapshot: 'false' },
    ...{ db: 'd', sequence: '["99","100"]', ts_us: 1, ts_ns: null, schema: 'public' },
    ...{ table: 'raw_measurements', txId: 7, lsn: 100, xmin: null },
  }
  return { before: null, after: row, source, op: 'c', ts_ms: 1, ts_us: 1, ts_ns: 1, ...rest }
}

const wire = (body: Uint8Array) => Buffer.concat([Buffer.from([0, 0, 0, 0, 1]), body])

/** What the enricher understands, decoded as a whole (null) or by its projection. */
function understood(written: avro.Type, value: Buffer, projection: 'projection' | null): unknown {
  const registry = { knownReader: () => written } as Partial<SchemaRegistry> as SchemaRegistry
  const schema =
    projection === null ? { type: 'record', name: 'No', fields: [] } : capturedMeasurementAvro
  try {
    const decoded = createProjection(registry, schema, 'decode whole').now(value)
    const seen = toChange(decoded?.value)
    if (seen === null) return 'no change'
    const measurement = toMeasurement(seen, 60_000)
    if (isRefusal(measurement)) return measurement
    return { op: seen.op, ...measurement, readings: [...measurement.readings] }
  } catch (error) {
    if (isFaultlineError(error, 'RECORD_UNDECODABLE')) return 'undecodable'
    throw error
  }
}

const row = fc.record({
  // The writer of this test takes no larger one.
  id: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER - 1 }),
  device_id: fc.string({ maxLength: 40 }),
  measured_at: fc.constantFrom('2026-01-01T00:00:00.123456Z', '2026-01-01T00:00:00Z', 'infinity'),
  readings: fc.array(fc.option(fc.float()), { maxLength: 30 }),
  car_number: fc.option(fc.integer({ min: -100, max: 100 })),
})

describe('what the enricher reads of a captured measurement', () => {
  it('is what decoding all of it gives', () => {
    const written = avroOf(columns)
    fc.assert(
      fc.property(row, (one) => {
        const value = wire(written.toBuffer(change(one)))
        expect(understood(written, value, 'projection')).toEqual(understood(written, value, null))
      }),
    )
  })

  it.each([
    ['a column more', { ...columns, humidity: ['null', 'double'] }, { humidity: 0.5 }],
    ['a column in front', { site: 'string', ...columns }, { site: 'north' }],
    ['a narrower id', { ...columns, id: 'int' }, {}],
    ['an id that may be null', { ...columns, id: ['null', 'long'] }, {}],
    ['readings that are doubles', { ...columns, readings: doubles }, {}],
    ['readings without nulls', { ...columns, readings: { type: 'array', items: 'float' } }, {}],
    [
      'float before null',
      { ...columns, readings: { type: 'array', items: ['float', 'null'] } },
      {},
    ],
    ['no car number', withoutCar(), {}],
  ])('is the same with %s', (_, of, more) => {
    const written = avroOf(of)
    const one = { id: 5, device_id: 'd', measured_at: '2026-01-01T00:00:00Z', car_number: 3 }
    const value = wire(written.toBuffer(change({ ...one, readings: [1.5, -2], ...more })))
    const seen = understood(written, value, 'projection')
    expect(seen).toMatchObject({ id: 5, deviceId: 'd', readings: [1.5, -2] })
    expect(seen).toEqual(understood(written, value, null))
  })

  it('knows deletions and truncations', () => {
    const written = avroOf(columns)
    for (const op of ['d', 't']) {
      const value = wire(written.toBuffer(change({}, { after: null, op })))
      expect(understood(written, value, 'projection')).toEqual(understood(written, value, null))
    }
  })

  it('never hangs on damaged bytes, nor reads past their end', () => {
    const written = avroOf(columns)
    const readings = Array.from({ length: 20 }, (_, n) => (n === 3 ? null : n))
    const one = { id: 5, device_id: 'd', measured_at: '2026-01-01T00:00:00Z', car_number: 3 }
    const whole = written.toBuffer(change({ ...one, readings }))
    const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 4 })
    fc.assert(
      fc.property(damage, fc.nat(whole.length), (changes, length) => {
        const bytes = Buffer.from(whole.subarray(0, length))
        for (const [at, byte] of changes) if (at < length) bytes[at] = byte
        understood(written, wire(bytes), 'projection')
      }),
      { numRuns: 2_000 },
    )
    for (let length = 0; length < whole.length; length += 1) {
      const cut = wire(whole.subarray(0, length))
      expect(understood(written, cut, 'projection')).toBe('undecodable')
    }
  })
})
