import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileModel, type DeviceModel, type Rule } from '../model/index.ts'
import { createState, encode, openState, type DeviceState } from '../state/index.ts'
import { recomputeScore, referenceScorer, type Scored } from './index.ts'

/**
 * The reference formula once more, written for reading: plain arrays, every value kept, nothing reused of the scorer.
 * The two must agree on every bit.
 */
interface Frame {
  readonly measuredAt: number
  readonly readings: readonly (number | null)[]
}

interface NaiveDevice {
  readonly means: (number | undefined)[]
  readonly variances: number[]
  readonly done: Frame[]
  decayed: number
  last: number
}

const isThere = (x: number | null | undefined): x is number =>
  typeof x === 'number' && Number.isFinite(x)

function naiveMaxZ(device: NaiveDevice, readings: readonly (number | null)[]): number {
  let largest = 0
  readings.forEach((x, i) => {
    if (!isThere(x)) return
    const mean = device.means[i]
    const variance = device.variances[i] ?? 0
    if (mean === undefined) {
      device.means[i] = x
      return
    }
    const d = x - mean
    if (variance > 0 && d * d > largest * variance) largest = (d * d) / variance
    device.means[i] = mean + 0.05 * d
    device.variances[i] = 0.95 * (variance + 0.05 * (d * d))
  })
  return Math.sqrt(largest)
}

/** Counts the starts of the last hour by going through every frame ever seen. */
function naiveStarts(done: readonly Frame[], at: number, level: number): number {
  let clock = -Infinity
  let wasRunning: boolean | undefined
  const starts: number[] = []
  for (const { measuredAt, readings } of done) {
    if (measuredAt < clock) continue
    clock = measuredAt
    const x = readings[at]
    if (!isThere(x)) continue
    if (x > level && wasRunning === false) starts.push(measuredAt)
    wasRunning = x > level
  }
  return Math.min(64, starts.filter((time) => time > clock - 3_600_000).length)
}

function naiveHolds(rule: Rule, model: DeviceModel, done: readonly Frame[]): boolean {
  const readings = done.at(-1)?.readings ?? []
  const value = (measure: { channel: string; minus?: string }): number => {
    const x = readings[model.channels.indexOf(measure.channel)]
    const y = measure.minus === undefined ? 0 : readings[model.channels.indexOf(measure.minus)]
    return isThere(x) && isThere(y) ? x - y : NaN
  }
  const crossed = (x: number, limit: Rule | NonNullable<Rule['when']>[number]): boolean => {
    if ('above' in limit) return x > limit.above
    if ('below' in limit) return x < limit.below
    return x < limit.outside[0] || x > limit.outside[1]
  }
  if (!(rule.when ?? []).every((guard) => crossed(value(guard), guard))) return false
  if (!('starts_of' in rule)) return crossed(value(rule), rule)
  const at = model.channels.indexOf(rule.starts_of)
  return isThere(readings[at]) && crossed(naiveStarts(done, at, rule.running_above), rule)
}

function naiveScore(device: NaiveDevice, model: DeviceModel, frame: Frame) {
  const first = device.done.length === 0
  device.done.push(frame)
  const maxZ = naiveMaxZ(device, frame.readings.slice(0, model.channels.length))
  const reasons = model.rules
    .filter((rule) => naiveHolds(rule, model, device.done))
    .map(({ code }) => code)
  const r = Math.min(1, 0.25 * reasons.length)
  const s = Math.max(0, Math.min(1, (maxZ - 3) / 5))
  const score = 1 - (1 - r) * (1 - s)
  const last = first ? frame.measuredAt : device.last
  const halfLives = Math.max(0, frame.measuredAt - last) / 3_600_000
  device.decayed = device.decayed * Math.pow(2, -halfLives) + score
  device.last = Math.max(last, frame.measuredAt)
  const code = frame.readings[model.channels.indexOf('fault_code')]
  const level = isThere(code) && code !== 0 ? 'critical' : reasons.length > 0 ? 'warning' : 'normal'
  return { maxZ, reasons, score, level, decayed: device.decayed, events: device.done.length }
}

const channels = ['a', 'b', 'c', 'fault_code']
const model: DeviceModel = {
  model: 'm',
  type: 't',
  channels,
  units: channels.map(() => ''),
  rules: [
    { code: 'HIGH', channel: 'a', above: 20 },
    { code: 'STARTS', starts_of: 'b', running_above: 10, above: 2 },
    { code: 'LOW', channel: 'a', below: -20 },
    { code: 'DIFF', channel: 'a', minus: 'c', outside: [-30, 30] },
    { code: 'GUARDED', channel: 'c', above: 0, when: [{ channel: 'b', above: 10 }] },
  ],
}
const compiled = compileModel(model)

const reading = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -30, max: 30 }) },
  { weight: 3, arbitrary: fc.float({ noDefaultInfinity: true, noNaN: true }) },
  { weight: 2, arbitrary: fc.constantFrom(null, NaN, Infinity, -Infinity) },
)
const faultCode = fc.constantFrom(0, 0, 0, -0, 3, null, NaN)
// Mostly forward by minutes, sometimes back, sometimes far; so starts leave the hour and frames come late.
const step = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 600_000 }) },
  { weight: 2, arbitrary: fc.integer({ min: -900_000, max: -1 }) },
  { weight: 1, arbitrary: fc.integer({ min: 3_000_000, max: 2 ** 33 }) },
)
const frames: fc.Arbitrary<Frame[]> = fc
  .array(
    fc.record({
      step,
      readings: fc.oneof(
        { weight: 9, arbitrary: fc.tuple(reading, reading, reading, faultCode) },
        { weight: 1, arbitrary: fc.array(reading, { maxLength: 6 }) },
      ),
    }),
    { minLength: 1, maxLength: 80 },
  )
  .map((steps) => {
    let measuredAt = 1_700_000_000_000
    return steps.map(({ step: ms, readings }) => ({ measuredAt: (measuredAt += ms), readings }))
  })

function scoreAll(state: DeviceState, all: readonly Frame[]): Scored[] {
  return all.map((frame) => referenceScorer.score({ model: compiled, state, ...frame }))
}

describe('on random frames', () => {
  it('equals the formula written naively, bit for bit', () => {
    fc.assert(
      fc.property(frames, (all) => {
        const naive: NaiveDevice = { means: [], variances: [], done: [], decayed: 0, last: 0 }
        scoreAll(createState(compiled), all).forEach((scored, i) => {
          const frame = all[i]
          if (frame === undefined) return
          const expected = naiveScore(naive, model, frame)
          expect(scored.fault_score).toBe(expected.score)
          expect(scored.fault_reasons).toEqual(expected.reasons)
          expect(scored.alert_level).toBe(expected.level)
          expect(scored.features).toEqual({
            max_z: expected.maxZ,
            events: expected.events,
            decayed_faults: expected.decayed,
            starts_per_hour: naiveStarts(naive.done, 1, 10),
          })
        })
      }),
      { numRuns: 300 },
    )
  })

  it('gives a score in [0, 1] that its explanation gives again', () => {
    fc.assert(
      fc.property(frames, (all) => {
        for (const scored of scoreAll(createState(compiled), all)) {
          expect(scored.fault_score).toBeGreaterThanOrEqual(0)
          expect(scored.fault_score).toBeLessThanOrEqual(1)
          expect(recomputeScore(scored.explanation)).toBe(scored.fault_score)
          const stored: unknown = JSON.parse(JSON.stringify(scored.explanation))
          expect(stored).toEqual(scored.explanation)
        }
      }),
    )
  })

  it('comes to the same when the state is stored and opened in between', () => {
    fc.assert(
      fc.property(frames, fc.nat({ max: 80 }), (all, half) => {
        const whole = createState(compiled)
        const first = createState(compiled)
        const expected = scoreAll(whole, all)
        const scored = scoreAll(first, all.slice(0, half))
        const opened = openState(encode(first), compiled)
        if (!opened.ok) throw new Error(opened.problem)
        scored.push(...scoreAll(opened.state, all.slice(half)))
        expect(scored).toEqual(expected)
        expect(encode(opened.state)).toEqual(encode(whole))
      }),
    )
  })

  it('keeps the reasons in the order of the model', () => {
    const order = model.rules.map(({ code }) => code)
    fc.assert(
      fc.property(frames, (all) => {
        for (const { fault_reasons } of scoreAll(createState(compiled), all)) {
          expect(fault_reasons).toEqual(order.filter((code) => fault_reasons.includes(code)))
        }
      }),
    )
  })
})
