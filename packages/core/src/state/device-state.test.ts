import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileModel, type CompiledModel, type Rule } from '../model/index.ts'
import { referenceScorer } from '../scoring/index.ts'
import {
  advancePosition,
  createState,
  decayedFaults,
  encode,
  eventCount,
  fitState,
  fits,
  lastMeasuredAt,
  lastPosition,
  openState,
  type DeviceState,
} from './index.ts'

const startsOf = (channel: string): Rule => ({
  code: `STARTS_${channel}`,
  starts_of: channel,
  running_above: 10,
  above: 3,
})

function modelOf(channels: readonly string[], rules: readonly Rule[] = [], model = 'pump') {
  return compileModel({ model, type: 'pump', channels, units: channels.map(() => ''), rules })
}

function opened(bytes: Uint8Array, model: CompiledModel): DeviceState {
  const result = openState(bytes, model)
  if (!result.ok) throw new Error(result.problem)
  return result.state
}

const base = modelOf(['a', 'b'], [startsOf('a')])

/** A device that has run for three frames: one start, and a deviation on channel b. */
function usedState(model = base): DeviceState {
  const state = createState(model)
  const frames = [
    [5, 1],
    [15, 2],
    [15, 90],
  ]
  frames.forEach((readings, i) => {
    referenceScorer.score({ model, state, measuredAt: 1000 + i, readings })
  })
  advancePosition(state, { commit: 6, lsn: 7 })
  return state
}

/** What the next measurement would find: the z of its deviation and the starts counted. */
function probe(state: DeviceState, model: CompiledModel) {
  const readings = model.channels.map(() => 40)
  return referenceScorer.score({ model, state, measuredAt: 2000, readings }).features
}

describe('a new state', () => {
  it('knows nothing', () => {
    const state = createState(base)
    expect(eventCount(state)).toBe(0)
    expect(lastMeasuredAt(state)).toBeNull()
    expect(decayedFaults(state)).toBe(0)
    expect(lastPosition(state)).toEqual({ commit: 0, lsn: 0 })
  })

  it('is stored in 1,920 bytes for 100 channels and one start counter', () => {
    const channels = Array.from({ length: 100 }, (_, i) => `c${i}`)
    expect(encode(createState(modelOf(channels, [startsOf('c3')]))).length).toBe(1920)
  })
})

describe('openState', () => {
  it('gives back what was encoded, and shares no memory with it', () => {
    const state = usedState()
    const stored = Uint8Array.from([9, 9, 9, ...encode(state)]).subarray(3)
    const again = opened(stored, base)
    expect(encode(again)).toEqual(encode(state))
    expect(eventCount(again)).toBe(3)
    expect(lastMeasuredAt(again)).toBe(1002)
    stored.fill(0)
    expect(encode(again)).toEqual(encode(state))
  })

  const changed = (change: (view: DataView) => void): Uint8Array => {
    const { bytes, view } = usedState()
    change(view)
    return bytes
  }
  const used = encode(usedState())
  it.each([
    ['nothing', new Uint8Array(0), 'WRONG_LENGTH'],
    ['the version alone', Uint8Array.of(2), 'WRONG_LENGTH'],
    ['the version before alone', Uint8Array.of(1), 'WRONG_LENGTH'],
    [
      'a later version',
      changed((v) => {
        v.setUint8(0, 3)
      }),
      'UNKNOWN_VERSION',
    ],
    ['zeros', new Uint8Array(used.length), 'UNKNOWN_VERSION'],
    ['one byte less', used.subarray(0, -1), 'WRONG_LENGTH'],
    ['one byte more', Uint8Array.of(...used, 0), 'WRONG_LENGTH'],
    [
      'more channels than bytes',
      changed((v) => {
        v.setUint32(4, 3, true)
      }),
      'WRONG_LENGTH',
    ],
    [
      '4 thousand million channels',
      changed((v) => {
        v.setUint32(4, 0xffff_ffff, true)
      }),
      'WRONG_LENGTH',
    ],
    [
      'a negative count',
      changed((v) => {
        v.setFloat64(16, -1, true)
      }),
      'INVALID_CONTENT',
    ],
    [
      'no clock',
      changed((v) => {
        v.setFloat64(24, NaN, true)
      }),
      'INVALID_CONTENT',
    ],
    [
      'a fault sum that is no number',
      changed((v) => {
        v.setFloat64(32, NaN, true)
      }),
      'INVALID_CONTENT',
    ],
    [
      'a position that is no number',
      changed((v) => {
        v.setFloat64(48, NaN, true)
      }),
      'INVALID_CONTENT',
    ],
    [
      'more starts than fit',
      changed((v) => {
        v.setUint8(56 + 5, 65)
      }),
      'INVALID_CONTENT',
    ],
    [
      'a start outside the ring',
      changed((v) => {
        v.setUint8(56 + 6, 64)
      }),
      'INVALID_CONTENT',
    ],
    [
      'an unknown running state',
      changed((v) => {
        v.setUint8(56 + 4, 3)
      }),
      'INVALID_CONTENT',
    ],
    [
      'an infinite mean',
      changed((v) => {
        v.setFloat64(320, Infinity, true)
      }),
      'INVALID_CONTENT',
    ],
    [
      'a negative variance',
      changed((v) => {
        v.setFloat64(328, -2, true)
      }),
      'INVALID_CONTENT',
    ],
  ])('refuses %s', (_, bytes, problem) => {
    expect(openState(bytes, base)).toEqual({ ok: false, problem })
  })

  it('opens what the layout before wrote, with the newest of its changes as the position', () => {
    const state = usedState()
    const former = new Uint8Array(state.bytes.length + 240)
    former.set(state.bytes.subarray(0, 40))
    former.set(state.bytes.subarray(56), 296)
    const view = new DataView(former.buffer)
    view.setUint8(0, 1)
    view.setUint32(12, 18, true)
    view.setFloat64(40 + 16, 7, true)
    const again = opened(former, base)
    expect(lastPosition(again)).toEqual({ commit: 7, lsn: 7 })
    advancePosition(state, { commit: 7, lsn: 7 })
    expect(encode(again)).toEqual(encode(state))
  })

  it('keeps the newest position when an earlier change is scored late', () => {
    const state = usedState()
    advancePosition(state, { commit: 6, lsn: 5 })
    expect(lastPosition(state)).toEqual({ commit: 6, lsn: 7 })
    advancePosition(state, { commit: 9, lsn: 2 })
    expect(lastPosition(state)).toEqual({ commit: 9, lsn: 2 })
  })

  it('never throws, and what it accepts can be worked on', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 700 }),
      fc
        .tuple(fc.nat({ max: used.length - 1 }), fc.integer({ min: 0, max: 255 }))
        .map(([at, value]) => Uint8Array.from(used).fill(value, at, at + 1)),
    )
    fc.assert(
      fc.property(bytes, (stored) => {
        const result = openState(stored, base)
        if (!result.ok) return
        const scored = referenceScorer.score({
          model: base,
          state: result.state,
          measuredAt: 5000,
          readings: [1, 2],
        })
        expect(scored.fault_score).toBeGreaterThanOrEqual(0)
        expect(scored.fault_score).toBeLessThanOrEqual(1)
      }),
    )
  })
})

describe('fitState', () => {
  it('is the state itself under the same model', () => {
    const state = usedState()
    expect(fitState(state, modelOf(['a', 'b'], [startsOf('a')]))).toBe(state)
  })

  it('keeps the statistics and the starts when channels are added', () => {
    const grown = modelOf(['a', 'b', 'c', 'd'], [startsOf('a')])
    const state = fitState(usedState(), grown)
    expect(fits(state, grown)).toBe(true)
    expect(probe(state, grown)).toEqual(probe(usedState(), base))
  })

  it('counts new starts from nothing beside those it has, in any order', () => {
    const both = modelOf(['a', 'b'], [startsOf('b'), startsOf('a')])
    const state = fitState(usedState(), both)
    expect(fits(state, both)).toBe(true)
    expect(probe(state, both)['starts_per_hour']).toBe(1)
    const other = modelOf(['a', 'b'], [startsOf('b')])
    expect(probe(fitState(usedState(), other), other)['starts_per_hour']).toBe(0)
  })

  it.each([
    ['another model', modelOf(['a', 'b'], [startsOf('a')], 'fan')],
    ['channels in another order', modelOf(['b', 'a'], [startsOf('a')])],
    ['fewer channels', modelOf(['a'], [startsOf('a')])],
  ])('restarts statistics and starts, and keeps the counts, under %s', (_, model) => {
    const before = usedState()
    const state = fitState(before, model)
    expect(fits(state, model)).toBe(true)
    expect(eventCount(state)).toBe(3)
    expect(lastMeasuredAt(state)).toBe(1002)
    expect(decayedFaults(state)).toBe(decayedFaults(before))
    expect(decayedFaults(state)).toBeGreaterThan(0)
    expect(lastPosition(state)).toEqual({ commit: 6, lsn: 7 })
    expect(probe(state, model)).toMatchObject({ max_z: 0, starts_per_hour: 0 })
  })

  it('is asked for by the scorer', () => {
    const state = createState(base)
    const model = modelOf(['a', 'b', 'c'])
    expect(() =>
      referenceScorer.score({ model, state, measuredAt: 0, readings: [1, 2, 3] }),
    ).toThrow('not fitted')
  })
})
