import { describe, expect, it } from 'vitest'
import { compileModel, type Rule } from '../model/index.ts'
import { createState, decayedFaults, lastMeasuredAt } from '../state/index.ts'
import { createReferenceScorer, recomputeScore, referenceScorer, type Scored } from './index.ts'

const channels = ['supply', 'return', 'current', 'fault_code']
const hourMs = 3_600_000

const rules: readonly Rule[] = [
  { code: 'HIGH', channel: 'supply', above: 35 },
  { code: 'LOW', channel: 'supply', below: 10 },
  { code: 'CURRENT', channel: 'current', outside: [5, 50] },
  { code: 'DIFF', channel: 'supply', minus: 'return', outside: [3, 15] },
  {
    code: 'GUARDED',
    channel: 'return',
    above: 30,
    when: [
      { channel: 'current', above: 20 },
      { channel: 'supply', outside: [0, 20] },
    ],
  },
]

type Readings = readonly (number | null)[]

function device(withRules: readonly Rule[] = rules, scorer = referenceScorer) {
  const units = channels.map(() => '')
  const model = compileModel({ model: 'm', type: 't', channels, units, rules: withRules })
  const state = createState(model)
  const score = (readings: Readings, measuredAt = 0): Scored =>
    scorer.score({ model, state, measuredAt, readings })
  return { state, score }
}

const healthy = [20, 12, 25, 0]

describe('rules', () => {
  it.each<[string, Readings, string[]]>([
    ['a healthy frame', healthy, []],
    ['exactly at the limits', [35, 20, 50, 0], []],
    ['exactly at the lower limits', [10, 7, 5, 0], []],
    ['above', [36, 25, 25, 0], ['HIGH']],
    ['below', [9, 1, 25, 0], ['LOW']],
    ['outside, low', [20, 12, 4, 0], ['CURRENT']],
    ['outside, high', [20, 12, 51, 0], ['CURRENT']],
    ['a difference', [20, 18, 25, 0], ['DIFF']],
    ['several, in the order of the model', [9, 9, 60, 0], ['LOW', 'CURRENT', 'DIFF']],
    ['guards that hold', [40, 31, 25, 0], ['HIGH', 'GUARDED']],
    ['a guard that does not hold', [40, 31, 19, 0], ['HIGH']],
    ['a guard whose reading is missing', [null, 31, 25, 0], []],
    ['missing readings', [null, NaN, Infinity, -Infinity], []],
    ['half of a difference', [20, null, 25, 0], []],
    ['a frame that is too short', [40], ['HIGH']],
    ['no readings', [], []],
    ['a frame that is too long', [...healthy, 99, 99], []],
  ])('%s', (_, readings, reasons) => {
    const scored = device().score(readings)
    expect(scored.fault_reasons).toEqual(reasons)
    expect(scored.fault_score).toBe(Math.min(1, 0.25 * reasons.length))
    expect(scored.alert_level).toBe(reasons.length > 0 ? 'warning' : 'normal')
  })

  it('explains each with its value and the limit that was crossed', () => {
    const entry = { source: 'rule', contribution: 0.25 }
    expect(device().score([9, 9, 60, 0]).explanation).toEqual([
      { ...entry, code: 'LOW', channel: 'supply', value: 9, limit: 10 },
      { ...entry, code: 'CURRENT', channel: 'current', value: 60, limit: 50 },
      { ...entry, code: 'DIFF', channel: 'supply - return', value: 0, limit: 3 },
    ])
    expect(device().score([40, 31, 4, 0]).explanation).toEqual([
      { ...entry, code: 'HIGH', channel: 'supply', value: 40, limit: 35 },
      { ...entry, code: 'CURRENT', channel: 'current', value: 4, limit: 5 },
    ])
  })

  it('give a score of 1 from four on', () => {
    const five = ['A', 'B', 'C', 'D', 'E'].map((code) => ({ code, channel: 'supply', above: 0 }))
    expect(device(five.slice(0, 3)).score(healthy).fault_score).toBe(0.75)
    expect(device(five.slice(0, 4)).score(healthy).fault_score).toBe(1)
    const scored = device(five).score(healthy)
    expect(scored.fault_score).toBe(1)
    expect(scored.explanation).toHaveLength(5)
    expect(recomputeScore(scored.explanation)).toBe(1)
  })
})

describe('fault code', () => {
  it.each([
    [7, 'critical'],
    [-1, 'critical'],
    [0, 'normal'],
    [-0, 'normal'],
    [null, 'normal'],
    [NaN, 'normal'],
  ])('%s makes a measurement %s', (code, level) => {
    const scored = device().score([20, 12, 25, code])
    expect(scored.alert_level).toBe(level)
    expect(scored.fault_score).toBe(0)
    expect(scored.fault_reasons).toEqual([])
    expect(scored.explanation).toEqual(
      level === 'normal'
        ? []
        : [
            {
              source: 'rule',
              code: 'FAULT_CODE',
              channel: 'fault_code',
              value: code,
              limit: 0,
              contribution: 0,
            },
          ],
    )
  })

  it('stands last, after the rules, and adds nothing to the score', () => {
    const scored = device().score([36, 25, 25, 7])
    expect(scored.explanation.map(({ code }) => code)).toEqual(['HIGH', 'FAULT_CODE'])
    expect(scored.fault_score).toBe(0.25)
  })
})

describe('deviation', () => {
  it('is measured against mean and variance before the frame', () => {
    const { score } = device([])
    expect(score([10, 0, 0, 0]).features['max_z']).toBe(0)
    // Mean 10, variance 0: nothing to compare with yet.
    expect(score([12, 0, 0, 0]).features['max_z']).toBe(0)
    // Mean 10.1, variance 0.95 · 0.05 · 2².
    const variance = (1 - 0.05) * (0 + 0.05 * 4)
    const mean = 10 + 0.05 * 2
    const scored = score([13, 0, 0, 0])
    const z = Math.sqrt(((13 - mean) * (13 - mean)) / variance)
    expect(scored.features['max_z']).toBe(z)
    expect(scored.fault_score).toBe(1 - (1 - 0) * (1 - (z - 3) / 5))
    expect(scored.alert_level).toBe('normal')
    expect(scored.explanation).toEqual([
      {
        source: 'anomaly',
        code: 'ANOMALY',
        channel: 'supply',
        value: z,
        limit: 3,
        contribution: (z - 3) / 5,
      },
    ])
  })

  it('starts at the first value of a channel, not of the device', () => {
    const { score } = device([])
    score([null, 1, 1, 0])
    score([100, 1, 1, 0])
    // From a mean of 0 this would be a deviation of 3.4; the channel has been at 100 since its first value.
    expect(score([100, 1, 1, 0]).features['max_z']).toBe(0)
  })

  it('is not moved by missing readings', () => {
    const frames: Readings[] = [[10], [12], [11], [30]]
    const gaps: Readings[] = [[NaN], [10], [null], [12], [Infinity], [], [11], [30]]
    const last = (all: Readings[]): unknown => {
      const { score } = device([])
      return all.map((readings) => score(readings).features['max_z']).at(-1)
    }
    expect(last(gaps)).toBe(last(frames))
  })

  it('stays a finite number when a channel was constant for very long', () => {
    const { score, state } = device([])
    score([1, 0, 0, 0])
    // The smallest variance there is; by itself it takes some 14,000 frames of zeros to come so near to zero.
    state.view.setFloat64(56 + 8, 5e-324, true)
    const scored = score([2, 0, 0, 0])
    expect(scored.features['max_z']).toBe(Math.sqrt(Number.MAX_VALUE))
    expect(scored.fault_score).toBe(1)
    expect(recomputeScore(scored.explanation)).toBe(1)
  })
})

describe('decayed faults', () => {
  const faulty = [36, 25, 25, 0]

  it('count half after a half-life', () => {
    const { score } = device()
    expect(score(faulty, 0).features['decayed_faults']).toBe(0.25)
    expect(score(healthy, hourMs).features['decayed_faults']).toBe(0.125)
    expect(score(faulty, 2 * hourMs).features['decayed_faults']).toBe(0.3125)
  })

  it('take a late frame as it is, and leave the clock', () => {
    const { score, state } = device()
    score(faulty, hourMs)
    const before = decayedFaults(state)
    const late = score(faulty, 0)
    expect(late.features['decayed_faults']).toBe(before + late.fault_score)
    expect(lastMeasuredAt(state)).toBe(hourMs)
  })

  it('follow the half-life that was set', () => {
    const { score } = device(rules, createReferenceScorer({ halfLifeMs: 1000 }))
    score(faulty, 0)
    expect(score(healthy, 2000).features['decayed_faults']).toBe(0.25 / 4)
  })

  it('count events, late ones too', () => {
    const { score } = device()
    const events = [5, 6, 1, 6].map((measuredAt) => score(healthy, measuredAt).features['events'])
    expect(events).toEqual([1, 2, 3, 4])
  })
})

describe('starts', () => {
  const starts: Rule = { code: 'STARTS', starts_of: 'current', running_above: 5, above: 2 }
  /** Currents every ten minutes; the starts per hour after each. */
  const counted = (currents: readonly (number | null)[], stepMs = 600_000): unknown[] => {
    const { score } = device([starts])
    return currents.map(
      (current, i) => score([20, 12, current, 0], i * stepMs).features['starts_per_hour'],
    )
  }

  it.each<[string, (number | null)[], number[]]>([
    ['rising', [0, 9, 0, 9], [0, 1, 1, 2]],
    ['running when first seen', [9, 9, 0, 9], [0, 0, 0, 1]],
    ['exactly at the level is not running', [0, 5, 6], [0, 0, 1]],
    ['a gap changes nothing', [0, null, 9, null, 9], [0, 0, 1, 1, 1]],
    ['an hour old is forgotten', [0, 9, 9, 9, 9, 9, 9, 9], [0, 1, 1, 1, 1, 1, 1, 0]],
  ])('%s', (_, currents, expected) => {
    expect(counted(currents)).toEqual(expected)
  })

  it('are at most 64, the newest, and leave one by one', () => {
    const { score } = device([starts])
    const startsAt = (second: number, current: number): unknown =>
      score([20, 12, current, 0], second * 1000).features['starts_per_hour']
    // A hundred starts, in the odd seconds up to 199.
    for (let second = 0; second < 199; second++) startsAt(second, second % 2 === 0 ? 0 : 9)
    expect(startsAt(199, 9)).toBe(64)
    expect(startsAt(3600 + 71, 9)).toBe(64)
    expect(startsAt(3600 + 73, 9)).toBe(63)
    expect(startsAt(3600 + 150, 9)).toBe(25)
  })

  it('are forgotten after a silence of any length', () => {
    // 2^32 ms is the period of the stored start times: one just there would look a moment old.
    const { score } = device([starts])
    score([20, 12, 0, 0], 0)
    score([20, 12, 9, 0], 1)
    expect(score([20, 12, 9, 0], 2 ** 32 + 10).features['starts_per_hour']).toBe(0)
  })

  it('break the rule by their number', () => {
    const { score } = device([starts])
    const [, , , , , sixth] = [0, 9, 0, 9, 0, 9].map((i, at) => score([20, 12, i, 0], at * 1000))
    expect(sixth?.explanation[0]).toEqual({
      source: 'rule',
      code: 'STARTS',
      channel: 'current',
      value: 3,
      limit: 2,
      contribution: 0.25,
    })
    expect(score([20, 12, null, 0], 7000).fault_reasons).toEqual([])
    expect(score([20, 12, 9, 0], 8000).fault_reasons).toEqual(['STARTS'])
  })

  it('are not counted in late frames', () => {
    const { score } = device([starts])
    score([20, 12, 0, 0], 2000)
    expect(score([20, 12, 9, 0], 1000).features['starts_per_hour']).toBe(0)
    expect(score([20, 12, 9, 0], 3000).features['starts_per_hour']).toBe(1)
  })

  it('are a feature only where a rule needs them', () => {
    expect(device().score(healthy).features).toEqual({ max_z: 0, events: 1, decayed_faults: 0 })
  })
})
