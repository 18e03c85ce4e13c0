import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeFrame, encodeFrame, frameBytes, type FrameProblem } from '@faultline/core/frame'
import { CopyBuffer } from './copy-buffer.ts'

/** What the reader of one record makes of it: the bytes for COPY, or the problem. */
type Taken = { readonly rows: string } | { readonly problem: FrameProblem }

function takeDecoded(record: Uint8Array): Taken {
  const decoded = decodeFrame(record)
  if (!decoded.ok) return { problem: decoded.problem }
  const buffer = new CopyBuffer()
  buffer.append(decoded.frame)
  return { rows: Buffer.from(buffer.finish()).toString('hex') }
}

function takeAsItLies(record: Uint8Array, offset: number): Taken {
  const bytes = new Uint8Array(offset + frameBytes)
  bytes.set(record, offset)
  const buffer = new CopyBuffer()
  const problem = buffer.appendFrame(new DataView(bytes.buffer), offset)
  if (problem !== undefined) return { problem }
  return { rows: Buffer.from(buffer.finish()).toString('hex') }
}

/** A good record with some bytes written over: most of what a broken sender sends is nearly right. */
const nearlyGood = fc
  .record({
    record: fc.record({
      deviceId: fc.stringMatching(/^[!-~](?:[ -~]{0,14}[!-~])?$/),
      measuredAtMs: fc.integer({ min: Date.UTC(2000, 0), max: Date.UTC(2100, 0) - 1 }),
      carNumber: fc.nat(),
      readings: fc.float32Array({ minLength: 100, maxLength: 100 }),
    }),
    changes: fc.array(
      fc.record({
        at: fc.oneof(fc.nat(27), fc.nat(frameBytes - 1)),
        byte: fc.oneof(fc.constantFrom(0x00, 0x20, 0x7f, 0xff, 0x80), fc.nat(255)),
      }),
      { maxLength: 6 },
    ),
  })
  .map(({ record, changes }) => {
    const bytes = encodeFrame(record)
    for (const { at, byte } of changes) bytes[at] = byte
    return bytes
  })

const anyRecord = fc.oneof(
  { weight: 4, arbitrary: nearlyGood },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: frameBytes, maxLength: frameBytes }) },
)

test('a record taken as it lies gives the same row, or the same problem, as a decoded one', () => {
  fc.assert(
    fc.property(anyRecord, fc.nat(7), (record, offset) => {
      expect(takeAsItLies(record, offset)).toEqual(takeDecoded(record))
    }),
    { numRuns: 3_000 },
  )
})

const words = (...bits: readonly number[]): Uint8Array => {
  const record = encodeFrame({
    deviceId: 'AC-0001',
    measuredAtMs: Date.UTC(2026, 10, 21),
    carNumber: 1,
    readings: new Float32Array(100),
  })
  const view = new DataView(record.buffer)
  bits.forEach((word, i) => {
    view.setUint32(28 + i * 4, word, true)
  })
  return record
}

test.each([
  ['NaN of every kind', words(0x7fc00000, 0xffc00000, 0x7f800001, 0xff800001, 0x7fffffff)],
  ['infinities', words(0x7f800000, 0xff800000)],
  ['both zeros and the smallest numbers', words(0x80000000, 0, 1, 0x80000001)],
  ['ids beyond ASCII', words().fill(0xc3, 0, 1).fill(0xa9, 1, 2)],
  ['an id of 16 bytes', words().fill(0x41, 0, 16)],
  ['an id with spaces before, inside and after', words().fill(0x20, 0, 1).fill(0x20, 5, 6)],
  [
    'an id that begins with a byte order mark',
    words().fill(0xef, 0, 1).fill(0xbb, 1, 2).fill(0xbf, 2, 3),
  ],
])('%s', (_, record) => {
  expect(takeAsItLies(record, 1)).toEqual(takeDecoded(record))
})

test('rows of both kinds lie one after the other, over the edges of the buffer', () => {
  const mixed = new CopyBuffer()
  const decoded = new CopyBuffer()
  const record = words(0x7fc00000)
  const result = decodeFrame(record)
  if (!result.ok) throw new Error('a good record')
  for (let i = 0; i < 400; i += 1) {
    if (i % 3 === 0) mixed.append(result.frame)
    else mixed.appendFrame(new DataView(record.buffer), 0)
    decoded.append(result.frame)
  }
  expect(Buffer.from(mixed.finish()).equals(decoded.finish())).toBe(true)
  expect(mixed.rows).toBe(400)
})
