import { describe, expect, it } from 'vitest'
import { RowBinaryWriter } from './row-binary.ts'

function written(write: (out: RowBinaryWriter) => void): Buffer {
  const out = new RowBinaryWriter()
  write(out)
  return Buffer.concat(out.finish())
}

describe('RowBinaryWriter', () => {
  it.each([0, 1, 127, 128, 300, 2_097_152])('writes the length %i as LEB128', (length) => {
    const bytes = written((out) => {
      out.varint(length)
    })
    let value = 0
    for (const [i, byte] of bytes.entries()) value += (byte & 0x7f) * 128 ** i
    expect(value).toBe(length)
    expect(bytes.at(-1)).toBeLessThan(128)
  })

  it.each([0, 1, -1, 4_294_967_295, 4_294_967_296, -4_294_967_297, 2 ** 53 - 1, -(2 ** 53) + 1])(
    'writes %d in 64 bits',
    (value) => {
      const bytes = written((out) => {
        out.int64(value)
      })
      expect(bytes.readBigInt64LE()).toBe(BigInt(value))
    },
  )

  it('writes text with the length of its bytes', () => {
    const bytes = written((out) => {
      out.string('Zürich')
    })
    expect(bytes).toEqual(Buffer.from([7, ...Buffer.from('Zürich')]))
  })

  it('marks an absent value with a one', () => {
    const bytes = written((out) => {
      out.nullable<string>(null, (text) => {
        out.string(text)
      })
      out.nullable('a', (text) => {
        out.string(text)
      })
    })
    expect(bytes).toEqual(Buffer.from([1, 0, 1, 97]))
  })

  it('keeps NaN and infinity in arrays of floats', () => {
    const bytes = written((out) => {
      out.float32Array([1.5, Number.NaN, Number.POSITIVE_INFINITY])
    })
    expect([bytes[0], bytes.readFloatLE(1), bytes.readFloatLE(5), bytes.readFloatLE(9)]).toEqual([
      3,
      1.5,
      Number.NaN,
      Number.POSITIVE_INFINITY,
    ])
  })

  it('goes on in a new piece where the first is full, also with a value longer than a piece', () => {
    const long = 'x'.repeat(3_000_000)
    const out = new RowBinaryWriter()
    out.string('first')
    out.string(long)
    out.string('last')
    const pieces = out.finish()
    expect(pieces.length).toBeGreaterThan(1)
    const text = Buffer.concat(pieces).toString('latin1')
    expect(text.length).toBe(6 + 4 + long.length + 5)
    expect(text.endsWith('\u0004last')).toBe(true)
  })
})
