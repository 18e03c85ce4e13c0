import fc from 'fast-check'
import { expect, it } from 'vitest'
import { compileModel } from '../model/index.ts'
import { createState, encode, openState, remember, seenBefore, type RowChange } from './index.ts'

const model = compileModel({ model: 'm', type: 't', channels: ['a'], units: [''], rules: [] })
// Few values, so that equal halves of a pair are frequent.
const change = fc.record({ lsn: fc.nat({ max: 5 }), id: fc.nat({ max: 5 }) })

it('knows exactly the last 16 changes, also when it is stored in between', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), fc.array(change), (done, asked) => {
      let state = createState(model)
      const last: RowChange[] = []
      for (const [i, one] of done.entries()) {
        remember(state, one)
        last.push(one)
        if (last.length > 16) last.shift()
        if (i % 5 !== 0) continue
        const opened = openState(encode(state), model)
        if (opened.ok) state = opened.state
      }
      for (const one of [...asked, ...done]) {
        const known = last.some(({ lsn, id }) => lsn === one.lsn && id === one.id)
        expect(seenBefore(state, one)).toBe(known)
      }
    }),
  )
})

it('holds positions and ids up to 2^53 - 1', () => {
  const state = createState(model)
  const largest = { lsn: Number.MAX_SAFE_INTEGER, id: Number.MAX_SAFE_INTEGER }
  remember(state, largest)
  expect(seenBefore(state, largest)).toBe(true)
  expect(seenBefore(state, { ...largest, id: largest.id - 1 })).toBe(false)
})

it('stays full when its number passes 2^32', () => {
  const state = createState(model)
  state.view.setUint32(12, 0xffff_fff0, true)
  for (let id = 1; id <= 20; id++) remember(state, { lsn: 1, id })
  expect([4, 5, 20].map((id) => seenBefore(state, { lsn: 1, id }))).toEqual([false, true, true])
})
