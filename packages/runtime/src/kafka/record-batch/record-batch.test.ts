import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { batchContext, decodeRecords, encodeBatch, head, type RecordToWrite } from './index.ts'
import { readVarint, sizeOfVarint, writeVarint } from './varint.ts'

const bytes = fc.uint8Array({ maxLength: 300 }).map((value) => Buffer.from(value))
const text = fc.string({ maxLength: 20, unit: 'grapheme' })
const record = fc.record({
  key: fc.option(bytes),
  value: fc.option(bytes),
  headers: fc.option(fc.dictionary(text, text, { maxKeys: 3, noNullPrototype: true }), {
    nil: undefined,
  }),
  timestampDelta: fc.integer({ min: -1_000_000_000_000, max: 1_000_000_000_000 }),
})
const batch = {
  firstTimestamp: 1_767_225_600_000,
  maxTimestamp: 1_767_225_600_999,
  producerId: 4_611_686_018_427_387_905n,
  producerEpoch: 7,
  firstSequence: 2_000_000_000,
  isTransactional: true,
}

function written(records: readonly Omit<RecordToWrite, 'offsetDelta'>[]): Buffer {
  const numbered = records.map((one, offsetDelta) => ({ ...one, offsetDelta }))
  return encodeBatch({ ...batch, lastOffsetDelta: records.length - 1 }, numbered)
}

function read(encoded: Buffer) {
  const count = encoded.readInt32BE(head.records)
  return decodeRecords(encoded.subarray(head.bytes), count, batchContext(encoded))
}

describe('varints', () => {
  it('come back as they were written, in as many bytes as said', () => {
    const near = fc.integer({ min: -300, max: 300 })
    const edge = fc
      .tuple(fc.integer({ min: 0, max: 52 }), near, fc.boolean())
      .map(([bits, by, isNegative]) => (2 ** bits + by) * (isNegative ? -1 : 1))
      .filter((value) => Math.abs(value) < 2 ** 52)
    fc.assert(
      fc.property(edge, (value) => {
        const buffer = Buffer.alloc(12)
        const end = writeVarint(buffer, 1, value)
        expect(end - 1).toBe(sizeOfVarint(value))
        const cursor = { bytes: buffer, at: 1 }
        expect(readVarint(cursor)).toBe(value + 0)
        expect(cursor.at).toBe(end)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('a record batch', () => {
  it('comes back as it was written', () => {
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 12 }), (records) => {
        const context = batchContext(written(records))
        expect(context).toMatchObject({
          lastOffset: records.length - 1,
          producerId: '4611686018427387905',
          inTransaction: true,
          isControlBatch: false,
        })
        const again = read(written(records))
        expect(again.length).toBe(records.length)
        for (const [i, { key, value, headers, timestampDelta }] of records.entries()) {
          const one = again[i]
          expect(one?.offset).toBe(i)
          expect(one?.timestampMs).toBe(batch.firstTimestamp + timestampDelta)
          expect(one?.key).toEqual(key)
          expect(one?.value).toEqual(value)
          expect({ ...one?.headers }).toEqual(headers ?? {})
        }
      }),
    )
  })

  it('takes texts for keys and values, several values of a header, and keeps the first of those', () => {
    const [one] = read(
      written([{ key: 'é', value: 'text', headers: { a: ['1', '2'] }, timestampDelta: 0 }]),
    )
    expect(one?.key?.toString()).toBe('é')
    expect(one?.value?.toString()).toBe('text')
    expect({ ...one?.headers }).toEqual({ a: '1' })
  })

  // The library's own code judges: it runs in a process in which nothing of it is replaced.
  it('is what kafkajs writes, byte by byte', () => {
    const program = `
      const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0')
      const Record = require('kafkajs/src/protocol/recordBatch/record/v0')
      const records = JSON.parse(process.argv[1]).map((one) =>
        Record({ ...one, key: one.key && Buffer.from(one.key, 'hex'), value: one.value && Buffer.from(one.value, 'hex') }))
      RecordBatch({ firstTimestamp: 1767225600000, maxTimestamp: 1767225600999, producerId: '4611686018427387905',
        producerEpoch: 7, firstSequence: 2000000000, transactional: true, lastOffsetDelta: records.length - 1, records,
      }).then((batch) => process.stdout.write(batch.buffer.toString('hex')))`
    for (const seed of [1, 2, 3]) {
      const records = fc.sample(record, { numRuns: 20, seed })
      const plain = records.map(({ key, value, headers, timestampDelta }, offsetDelta) => {
        const texts = { key: key?.toString('hex') ?? null, value: value?.toString('hex') ?? null }
        return { ...texts, headers, timestampDelta, offsetDelta }
      })
      const ran = spawnSync(process.execPath, ['-e', program, JSON.stringify(plain)])
      expect(ran.stderr.toString()).toBe('')
      expect(ran.stdout.toString()).toBe(written(records).toString('hex'))
    }
  })

  it('throws and never hangs on bytes that nobody wrote', () => {
    const whole = written([{ key: 'k', value: 'v', headers: { h: '1' }, timestampDelta: 5 }])
    const context = batchContext(whole)
    const garbage = fc.uint8Array({ maxLength: 60 }).map((value) => Buffer.from(value))
    fc.assert(
      fc.property(garbage, fc.integer({ min: 1, max: 5 }), (body, count) => {
        try {
          expect(decodeRecords(body, count, context).length).toBe(count)
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError)
        }
      }),
      { numRuns: 1_000 },
    )
  })
})
