import { describe, expect, it } from 'vitest'
import { toChange } from './change.ts'

const positionOf = (source: Readonly<Record<string, unknown>>, op = 'c') =>
  toChange({ op, after: { id: 1 }, source: { ts_ms: 5, ...source } })?.position

describe('where a change stands in the log', () => {
  it.each([
    ['["99","100"]', { commit: 99, lsn: 100 }],
    ['["9007199254740991","100"]', { commit: 9_007_199_254_740_991, lsn: 100 }],
    ['[null,"100"]', { commit: 100, lsn: 100 }],
    ['["","100"]', { commit: 100, lsn: 100 }],
    ['["12x","100"]', { commit: 100, lsn: 100 }],
    ['["99', { commit: 100, lsn: 100 }],
    ['[99,100]', { commit: 100, lsn: 100 }],
    ['', { commit: 100, lsn: 100 }],
    [null, { commit: 100, lsn: 100 }],
  ])('is read from %s', (sequence, position) => {
    expect(positionOf({ sequence, lsn: 100 })).toEqual(position)
  })

  it('is where the stream was, for a row that a snapshot read', () => {
    expect(positionOf({ sequence: '["99",null]', lsn: null }, 'r')).toEqual({ commit: 99, lsn: 99 })
    expect(positionOf({ sequence: '["99","100"]', lsn: 100 }, 'r')).toEqual({
      commit: 100,
      lsn: 100,
    })
    expect(positionOf({ sequence: null, lsn: null }, 'r')).toBeUndefined()
    expect(positionOf({ sequence: '["99","100"]', lsn: null })).toBeUndefined()
  })
})
