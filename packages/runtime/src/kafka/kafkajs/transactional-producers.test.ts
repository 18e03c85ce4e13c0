import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { OutputRecord } from '../ports.ts'
import { splitSends } from './transactional-producers.ts'

const record = (bytes: number): OutputRecord => ({
  topic: 't',
  key: null,
  value: Buffer.alloc(bytes),
})

describe('splitSends', () => {
  it('sends small records together', () => {
    expect(splitSends(Array.from({ length: 100 }, () => record(1_000)))).toHaveLength(1)
  })

  it('sends a record over the limit alone, for the broker to judge', () => {
    expect(
      splitSends([record(10), record(900_000), record(10)]).map(({ length }) => length),
    ).toEqual([1, 1, 1])
  })

  it('keeps every record, in order, in sends below the limit', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(300_000), { maxLength: 40 }), (sizes) => {
        const records = sizes.map(record)
        const sends = splitSends(records)
        expect(sends.flat()).toEqual(records)
        for (const send of sends) {
          const bytes = send.reduce((sum, { value }) => sum + (value?.length ?? 0), 0)
          expect(bytes).toBeLessThanOrEqual(700_000)
          expect(send.length).toBeGreaterThan(0)
        }
      }),
    )
  })
})
