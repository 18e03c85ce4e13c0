import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { clockRange, decodeFrame, encodeFrame, frameBytes, type Frame } from './frame.ts'

const measuredAtMs = Date.UTC(2026, 10, 21, 12)

function frame(change: Partial<Frame> = {}): Frame {
  return {
    deviceId: 'AC-0042',
    measuredAtMs,
    carNumber: 7,
    readings: new Float32Array(100),
    ...change,
  }
}

function changed(change: (view: DataView, bytes: Uint8Array) => void): Uint8Array {
  const bytes = encodeFrame(frame())
  change(new DataView(bytes.buffer), bytes)
  return bytes
}

const anyFrame: fc.Arbitrary<Frame> = fc.record({
  deviceId: fc.stringMatching(/^[!-~](?:[ -~]{0,14}[!-~])?$/),
  measuredAtMs: fc.integer({ min: clockRange.fromMs, max: clockRange.toMs - 1 }),
  carNumber: fc.nat(),
  readings: fc.float32Array({ minLength: 100, maxLength: 100 }),
})

test('the layout is <16sQI100f, little endian', () => {
  const readings = new Float32Array(100)
  readings[0] = 1.5
  readings[99] = -2
  const bytes = encodeFrame(frame({ readings }))
  const hex = (from: number, to: number): string =>
    Buffer.from(bytes.subarray(from, to)).toString('hex')
  expect(bytes.length).toBe(428)
  expect(hex(0, 16)).toBe(Buffer.from('AC-0042\0\0\0\0\0\0\0\0\0').toString('hex'))
  expect(Buffer.from(bytes).readBigUInt64LE(16)).toBe(BigInt(measuredAtMs))
  expect(hex(24, 28)).toBe('07000000')
  expect(hex(28, 32)).toBe('0000c03f')
  expect(hex(424, 428)).toBe('000000c0')
})

test('what is encoded comes back, wherever it lies in a buffer', () => {
  fc.assert(
    fc.property(anyFrame, fc.nat(7), (original, offset) => {
      const buffer = new Uint8Array(frameBytes + offset)
      buffer.set(encodeFrame(original), offset)
      expect(decodeFrame(buffer.subarray(offset))).toEqual({ ok: true, frame: original })
    }),
  )
})

test('any bytes give a frame or a problem, never an exception', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: frameBytes, maxLength: frameBytes }),
    fc.uint8Array({ maxLength: 900 }),
  )
  fc.assert(
    fc.property(bytes, (input) => {
      const decoded = decodeFrame(input)
      if (!decoded.ok) return
      expect(decoded.frame.deviceId).not.toBe('')
      expect(decodeFrame(encodeFrame(decoded.frame))).toEqual(decoded)
    }),
  )
})

describe('a record is refused for', () => {
  test.each([
    ['a byte too few', encodeFrame(frame()).subarray(1), 'LENGTH_INVALID'],
    ['no bytes', new Uint8Array(), 'LENGTH_INVALID'],
    ['an id of NULs', changed((_, bytes) => bytes.fill(0, 0, 16)), 'DEVICE_ID_EMPTY'],
    ['an id of spaces', changed((_, bytes) => bytes.fill(0x20, 0, 16)), 'DEVICE_ID_EMPTY'],
    ['an id with a NUL inside', changed((_, bytes) => bytes.fill(0, 2, 3)), 'DEVICE_ID_INVALID'],
    ['an id that is no text', changed((_, bytes) => bytes.fill(0xff, 0, 16)), 'DEVICE_ID_INVALID'],
    [
      'a clock in 1999',
      changed((view) => {
        view.setBigUint64(16, 946_684_799_999n, true)
      }),
      'CLOCK_INVALID',
    ],
    [
      'a clock in 2106',
      changed((view) => {
        view.setBigUint64(16, 4_294_967_295_000n, true)
      }),
      'CLOCK_INVALID',
    ],
    [
      'a clock of all ones',
      changed((view) => {
        view.setBigUint64(16, 2n ** 64n - 1n, true)
      }),
      'CLOCK_INVALID',
    ],
    [
      'a car number beyond PostgreSQL',
      changed((view) => {
        view.setUint32(24, 2 ** 31, true)
      }),
      'CAR_NUMBER_INVALID',
    ],
  ])('%s', (_, bytes, problem) => {
    expect(decodeFrame(bytes)).toEqual({ ok: false, problem })
  })
})

test('an id padded with spaces is the same id', () => {
  const decoded = decodeFrame(changed((_, bytes) => bytes.fill(0x20, 7, 16)))
  expect(decoded).toMatchObject({ ok: true, frame: { deviceId: 'AC-0042' } })
})

test('a frame that no record can hold is a mistake of the caller', () => {
  expect(() => encodeFrame(frame({ deviceId: 'x'.repeat(17) }))).toThrow(RangeError)
  expect(() => encodeFrame(frame({ readings: new Float32Array(99) }))).toThrow(RangeError)
})
