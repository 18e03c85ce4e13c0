import avro from 'avsc'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deadLetterAvro } from '@faultline/contracts/dead-letter'
import {
  enrichedMeasurementAvro,
  type EnrichedMeasurement,
} from '@faultline/contracts/enriched-measurement'
import { FaultlineError } from '../errors/index.ts'
import { readerType, writerType } from './avro-types.ts'
import type { SchemaRegistry } from './schema-registry.ts'
import { createDecoder, createEncoder, createProjection, decodeKnown } from './serde.ts'

/** A registry that knows the schemas it was given. */
function memoryRegistry(): SchemaRegistry {
  const types: avro.Type[] = []
  return {
    knownReader: (id) => types[id],
    reader: (id) => {
      const type = types[id]
      if (type !== undefined) return Promise.resolve(type)
      return Promise.reject(new FaultlineError('SCHEMA_UNKNOWN', `no schema ${id}`))
    },
    register: (_subject, schema) =>
      Promise.resolve(types.push(readerType(schema as avro.Schema)) - 1),
  }
}

const record: EnrichedMeasurement = {
  event_id: '17',
  device_id: 'AC-0042',
  type: 'hvac',
  model: 'metro-hvac',
  name: null,
  line: 'Line 1',
  location: null,
  measured_at: 1_795_000_000_123,
  car_number: null,
  readings: [1.5, Number.NaN, -2],
  fault_score: 0.25,
  alert_level: 'warning',
  alarm_level: null,
  fault_reasons: ['HIGH_TEMP'],
  fault_probability: null,
  explanation: [
    { source: 'rule', code: 'HIGH_TEMP', channel: 't', value: 36, limit: 35, contribution: 0.25 },
  ],
  features: { max_z: 1.25 },
  catalog_lsn: 29_914_200,
  threshold_version: null,
  model_version: null,
  revision: 1,
  committed_at: 1_795_000_000_200,
  enriched_at: 1_795_000_000_250,
  source: { partition: 3, offset: 9_007_199_254_740_000, lsn: 29_914_576, transaction: '777' },
}

describe('serde', () => {
  it('gives back what was encoded', async () => {
    const registry = memoryRegistry()
    const encode = await createEncoder<EnrichedMeasurement>(registry, 't', enrichedMeasurementAvro)
    const bytes = encode(record)
    expect(await createDecoder(registry)(bytes)).toEqual(record)
    expect(decodeKnown(registry, bytes)?.value).toEqual(record)
  })

  it('encodes records larger than its first buffer, and keeps earlier ones intact', async () => {
    const registry = memoryRegistry()
    const encode = await createEncoder<EnrichedMeasurement>(registry, 't', enrichedMeasurementAvro)
    const first = encode(record)
    const large = { ...record, readings: Array.from({ length: 20_000 }, (_, n) => n) }
    expect(await createDecoder(registry)(encode(large))).toEqual(large)
    expect(await createDecoder(registry)(first)).toEqual(record)
  })

  // Hypothesis: floats that are written as they lie in memory come back as others, or from another record's place.
  it('writes packed floats as it writes a list of them, also across its pages', async () => {
    const registry = memoryRegistry()
    const encode = await createEncoder(registry, 't', enrichedMeasurementAvro)
    const packed = fc.array(fc.float(), { maxLength: 400 }).map((list) => Float32Array.from(list))
    fc.assert(
      fc.property(fc.array(packed, { minLength: 1, maxLength: 60 }), (lists) => {
        const encoded = lists.map((readings) => encode({ ...record, readings }))
        for (const [i, readings] of lists.entries()) {
          expect(encoded[i]?.equals(encode({ ...record, readings: [...readings] }))).toBe(true)
        }
      }),
    )
  })

  it('reads nanoseconds beyond 2^53 without failing', () => {
    const schema = { type: 'record', name: 'Source', fields: [{ name: 'ts_ns', type: 'long' }] }
    const bytes = Buffer.from('90a8b5d4d8e9c1e931', 'hex')
    const { ts_ns: nanoseconds } = readerType(schema as avro.Schema).fromBuffer(bytes) as {
      ts_ns: number
    }
    expect(nanoseconds).toBeGreaterThan(2 ** 53)
  })

  it('reads any 64-bit integer as the number nearest to it', () => {
    const written = avro.types.LongType.__with(
      {
        fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
        toBuffer: (value: bigint) => {
          const bytes = Buffer.alloc(8)
          bytes.writeBigInt64LE(value)
          return bytes
        },
        fromJSON: BigInt,
        toJSON: Number,
        isValid: (value: unknown) => typeof value === 'bigint',
        compare: () => 0,
      },
      false,
    )
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        const read = readerType('long').fromBuffer(written.toBuffer(value)) as number
        expect(Math.abs(read - Number(value))).toBeLessThanOrEqual(Math.abs(Number(value)) * 1e-15)
      }),
    )
  })

  // Hypothesis: a text that is shared with an earlier record is sometimes another one.
  it('reads the same by a projection, whatever texts came before', async () => {
    const registry = memoryRegistry()
    const encode = await createEncoder<EnrichedMeasurement>(registry, 't', enrichedMeasurementAvro)
    const fields = enrichedMeasurementAvro.fields.filter(({ name }) =>
      ['event_id', 'name', 'location', 'type', 'features', 'source'].includes(name),
    )
    const marked = fields.map((field) =>
      field.name === 'event_id' ? { ...field, type: { type: 'string', distinct: true } } : field,
    )
    const projection = createProjection(registry, { ...enrichedMeasurementAvro, fields: marked })
    const text = fc.oneof(
      fc.string({ maxLength: 3 }),
      fc.string({ unit: 'grapheme', maxLength: 40 }),
      fc.constantFrom('AaAa', 'BBBB', 'AaBB', 'BBAa', '', 'a\0', 'é', 'Ã©'),
    )
    const features = fc.dictionary(
      text.filter((key) => key !== '__proto__'),
      fc.double(),
      { maxKeys: 4, noNullPrototype: true },
    )
    const readings = fc.array(fc.float(), { maxLength: 20 })
    const changed = fc
      .record({ event_id: text, name: text, location: text, type: text, features, readings })
      .map((values): EnrichedMeasurement => ({ ...record, ...values }))
    fc.assert(
      fc.property(fc.array(changed, { minLength: 1, maxLength: 20 }), (records) => {
        for (const each of records) {
          const { event_id, name, location, type, features: all, source } = each
          const wanted = { event_id, name, location, type, features: all, source }
          expect(projection.now(encode(each))?.value).toEqual(wanted)
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['another magic byte', Buffer.from([1, 0, 0, 0, 0, 0])],
    ['a body that ends early', Buffer.from([0, 0, 0, 0, 0, 4])],
  ])('refuses %s as undecodable', async (_name, bytes) => {
    const registry = memoryRegistry()
    await createEncoder(registry, 't', enrichedMeasurementAvro)
    await expect(createDecoder(registry)(bytes)).rejects.toMatchObject({
      code: 'RECORD_UNDECODABLE',
    })
  })

  it('says which schema it does not know', async () => {
    const decode = createDecoder(memoryRegistry())
    await expect(decode(Buffer.from([0, 0, 0, 0, 9, 0]))).rejects.toMatchObject({
      code: 'SCHEMA_UNKNOWN',
    })
  })

  // Hypothesis: a few wrong bytes claim a huge array, and the decoder runs for minutes or out of memory.
  it('answers any bytes at once: a value, or undecodable', async () => {
    const registry = memoryRegistry()
    await createEncoder(registry, 'a', enrichedMeasurementAvro)
    await createEncoder(registry, 'b', deadLetterAvro)
    const valid = writerType(enrichedMeasurementAvro).toBuffer(record)
    const mutated = fc
      .array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 })
      .map((changes) => {
        const bytes = Buffer.from(valid)
        for (const [at, byte] of changes) bytes[at] = byte
        return bytes
      })
    const body = fc.oneof(
      mutated,
      fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
    )
    await fc.assert(
      fc.asyncProperty(body, fc.nat(1), async (bytes, id) => {
        const wire = Buffer.concat([Buffer.from([0, 0, 0, 0, id]), bytes])
        try {
          await createDecoder(registry)(wire)
        } catch (error) {
          expect(error).toMatchObject({ code: 'RECORD_UNDECODABLE' })
        }
      }),
      { numRuns: 2_000 },
    )
  })
})
