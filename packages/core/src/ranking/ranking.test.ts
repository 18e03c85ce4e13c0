import { describe, expect, it } from 'vitest'
import {
  contributionUnits,
  decayedScore,
  decayedSumAt,
  isFault,
  recount,
  unitsPerScore,
  type RankedMeasurement,
} from './index.ts'

const hour = 3_600_000
const t0 = 1_700_000_000_000
const settings = { halfLifeMs: hour, windows: { '1h': hour } }

const measurement = (changes: Partial<RankedMeasurement> = {}): RankedMeasurement => ({
  event_id: '1',
  device_id: 'A',
  type: 'hvac',
  measured_at: t0,
  fault_score: 1,
  alert_level: 'warning',
  fault_reasons: ['HIGH_TEMP'],
  revision: 1,
  ...changes,
})
const change = (changes: Partial<RankedMeasurement> = {}) => {
  const value = measurement(changes)
  return { device_id: value.device_id, measurement: value }
}

describe('the live score', () => {
  const score = (...contributions: { units: number; measuredAt: number }[]) =>
    decayedScore(contributions, { halfLifeMs: hour, unitsPerScore })
  const one = unitsPerScore

  it('is the instant at which the sum has decayed to 1', () => {
    expect(score({ units: one, measuredAt: t0 })).toBe(t0)
    expect(score({ units: one / 2, measuredAt: t0 })).toBe(t0 - hour)
    expect(score({ units: one, measuredAt: t0 }, { units: one, measuredAt: t0 })).toBe(t0 + hour)
  })

  it('gives the sum at any moment', () => {
    const sum = score({ units: one, measuredAt: t0 }, { units: one, measuredAt: t0 + hour }) ?? NaN
    expect(decayedSumAt(sum, t0 + hour, hour)).toBeCloseTo(1.5, 9)
    expect(decayedSumAt(sum, t0 + 3 * hour, hour)).toBeCloseTo(0.375, 9)
  })

  it('does not overflow, and there is none without a fault', () => {
    expect(score({ units: one, measuredAt: 0 }, { units: one, measuredAt: t0 })).toBe(t0)
    expect(score({ units: 0, measuredAt: t0 })).toBeNull()
  })
})

it('counts scores in whole units and faults by reasons or by the device itself', () => {
  expect(contributionUnits(0.1)).toBe(104_858)
  expect(isFault({ alert_level: 'normal', fault_reasons: [] })).toBe(false)
  expect(isFault({ alert_level: 'warning', fault_reasons: [] })).toBe(false)
  expect(isFault({ alert_level: 'critical', fault_reasons: [] })).toBe(true)
  expect(isFault({ alert_level: 'warning', fault_reasons: ['X'] })).toBe(true)
})

describe('the recount', () => {
  it('takes the latest revision of an event and counts the first', () => {
    const { devices, windows } = recount(
      [change(), change({ revision: 2, fault_score: 0.25, fault_reasons: [] })],
      settings,
    )
    expect(devices.get('A')).toMatchObject({ events_total: 1, faults_total: 1, fault_score: 0.25 })
    expect(windows.get('all:1h')?.get('A')).toBe(0.25)
  })

  it('ends a window at the newest measurement of the scope', () => {
    const { windows } = recount(
      [
        change(),
        change({ event_id: '2', measured_at: t0 + 1 }),
        change({ event_id: '3', device_id: 'B', measured_at: t0 + hour, fault_score: 0 }),
        change({ event_id: '4', device_id: 'C', measured_at: t0 + 2 * hour, type: 'pump' }),
      ],
      settings,
    )
    expect([...(windows.get('hvac:1h') ?? [])]).toEqual([['A', 1]])
    expect([...(windows.get('all:1h') ?? [])]).toEqual([['C', 1]])
  })

  it('forgets a removed device, and starts anew with what comes after', () => {
    const { devices, fleets, live } = recount(
      [
        change(),
        { device_id: 'A', measurement: null },
        change({ event_id: '2', fault_score: 0.5 }),
        change({ device_id: 'B' }),
        { device_id: 'B', measurement: null },
      ],
      settings,
    )
    expect([...devices.keys()]).toEqual(['A'])
    expect(fleets.get('hvac')).toEqual({
      devices: 1,
      devices_normal: 0,
      devices_warning: 1,
      devices_critical: 0,
      events: 1,
      faults: 1,
    })
    expect([...(live.get('all') ?? [])]).toEqual([['A', t0 - hour]])
  })
})
