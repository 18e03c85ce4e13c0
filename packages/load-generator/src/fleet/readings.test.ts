import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileModel, type Rule } from '@faultline/core/model'
import { referenceScorer } from '@faultline/core/scoring'
import { createState } from '@faultline/core/state'
import { faultKinds, type Fault, type FaultKind } from './fault.ts'
import type { Moment } from './moment.ts'
import { ReadingsModel } from './readings.ts'

/** The rules of metro-hvac; test/integration/postgres/metro-hvac.test.ts holds the migration to the same. */
const rules: readonly Rule[] = [
  { code: 'HIGH_TEMP', channel: 'temp_supply_air', above: 35 },
  { code: 'LOW_TEMP', channel: 'temp_supply_air', below: 10 },
  { code: 'ABNORMAL_PRESSURE', channel: 'pressure_compressor', outside: [500, 2000] },
  { code: 'ABNORMAL_CURRENT', channel: 'current_compressor', outside: [5, 50] },
  {
    code: 'ABNORMAL_TEMP_DIFF',
    channel: 'temp_supply_air',
    minus: 'temp_return_air',
    outside: [3, 15],
  },
  { code: 'FREQUENT_START_STOP', starts_of: 'current_compressor', running_above: 12, above: 4 },
]

const channels = [
  'temp_supply_air',
  'temp_return_air',
  'pressure_compressor',
  'current_compressor',
  'power_total',
  'fault_code',
  'data_quality',
  ...Array.from({ length: 93 }, (_, index) => `aux_${index + 7}`),
]

const dayMs = 86_400_000

const readingsAt = (moment: Moment, fault: Fault | undefined): Float32Array =>
  new ReadingsModel(moment.seed, channels.length).readingsAt(moment, fault)

const anyMoment: fc.Arbitrary<Moment> = fc.record({
  seed: fc.integer({ min: -1_000_000, max: 1_000_000 }),
  unit: fc.nat(499),
  timeMs: fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2040, 0) }),
})

interface Stretch {
  readonly durationMs: number
  readonly stepMs: number
  readonly fault?: Fault
}

/** Scores a unit over a stretch of time, as the enricher would. */
function score(from: Moment, { durationMs, stepMs, fault }: Stretch) {
  const units = channels.map(() => '')
  const model = compileModel({ model: 'metro-hvac', type: 'hvac', channels, units, rules })
  const state = createState(model)
  const reasons = new Set<string>()
  const levels = new Set<string>()
  let last = new Set<string>()
  let decayed = 0
  for (let timeMs = from.timeMs; timeMs < from.timeMs + durationMs; timeMs += stepMs) {
    const readings = readingsAt({ ...from, timeMs }, fault)
    const scored = referenceScorer.score({ model, state, measuredAt: timeMs, readings })
    last = new Set(scored.fault_reasons)
    for (const reason of last) reasons.add(reason)
    levels.add(scored.alert_level)
    decayed = scored.features['decayed_faults'] ?? Number.NaN
  }
  return { reasons, levels, last, decayed }
}

describe('a healthy unit', () => {
  test('breaks no rule in 24 hours at the cadence of the real fleet', () => {
    fc.assert(
      fc.property(anyMoment, (moment) => {
        const { reasons, levels } = score(moment, { durationMs: dayMs, stepMs: 300_000 })
        expect([...reasons]).toEqual([])
        expect([...levels]).toEqual(['normal'])
      }),
      { numRuns: 15 },
    )
  })

  test('breaks no rule, and hardly deviates, at the cadence of the demo', () => {
    fc.assert(
      fc.property(anyMoment, (moment) => {
        const { reasons, decayed } = score(moment, { durationMs: dayMs / 8, stepMs: 5_000 })
        expect([...reasons]).toEqual([])
        // A faulty unit gathers 0.25 a report, 720 reports an hour.
        expect(decayed).toBeLessThan(10)
      }),
      { numRuns: 3 },
    )
  })

  test('has a hundred finite readings', () => {
    fc.assert(
      fc.property(anyMoment, (moment) => {
        const readings = readingsAt(moment, undefined)
        expect(readings).toHaveLength(100)
        expect(readings.every(Number.isFinite)).toBe(true)
      }),
    )
  })
})

describe('a developed fault', () => {
  /** The rule that tells each kind, whatever the moment, and whether the unit reports a code itself. */
  const expected: Readonly<Record<FaultKind, { rule: string; critical: boolean }>> = {
    'refrigerant-leak': { rule: 'ABNORMAL_PRESSURE', critical: false },
    'clogged-filter': { rule: 'ABNORMAL_TEMP_DIFF', critical: false },
    'short-cycling': { rule: 'FREQUENT_START_STOP', critical: false },
    'sensor-drift': { rule: 'ABNORMAL_TEMP_DIFF', critical: false },
    'sensor-stuck': { rule: 'LOW_TEMP', critical: false },
    'fan-failure': { rule: 'HIGH_TEMP', critical: true },
    'over-current': { rule: 'ABNORMAL_CURRENT', critical: true },
  }

  test.each(faultKinds)('%s breaks its rule at any moment', (kind) => {
    fc.assert(
      fc.property(anyMoment, (moment) => {
        const { last, levels } = score(moment, {
          durationMs: 15 * 60_000,
          stepMs: 10_000,
          fault: { kind, severity: 1 },
        })
        expect(last).toContain(expected[kind].rule)
        expect(levels.has('critical')).toBe(expected[kind].critical)
      }),
      { numRuns: 10 },
    )
  })

  test.each(faultKinds)('%s breaks no rule when it begins', (kind) => {
    fc.assert(
      fc.property(anyMoment, (moment) => {
        const fault = { kind, severity: 0 }
        const { levels } = score(moment, { durationMs: 60_000, stepMs: 5_000, fault })
        expect([...levels]).toEqual(['normal'])
      }),
      { numRuns: 10 },
    )
  })
})
