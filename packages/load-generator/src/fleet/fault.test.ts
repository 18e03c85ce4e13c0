import { describe, expect, test } from 'vitest'
import {
  defaultFaults,
  faultAt,
  faultKinds,
  faultShareMax,
  type Fault,
  type FaultPlan,
} from './fault.ts'

const fleetSize = 500

const startMs = Date.UTC(2026, 10, 21)
const minuteMs = 60_000
const day = Array.from({ length: 24 * 60 }, (_, minute) => startMs + minute * minuteMs)

const faultyAt = (seed: number, timeMs: number, plan: FaultPlan = defaultFaults): Fault[] =>
  Array.from({ length: fleetSize }, (_, unit) => faultAt({ seed, unit, timeMs }, plan)).filter(
    (fault) => fault !== undefined,
  )

describe('the faults of a fleet', () => {
  test('are on a few per cent of the units at any time', () => {
    for (let minute = 0; minute < day.length; minute += 30) {
      const faulty = faultyAt(1, startMs + minute * minuteMs).length
      expect(faulty).toBeGreaterThanOrEqual(5)
      expect(faulty).toBeLessThanOrEqual(35)
    }
  })

  test('are of every kind within a day', () => {
    const kinds = new Set(
      day.filter((_, i) => i % 20 === 0).flatMap((t) => faultyAt(1, t).map(({ kind }) => kind)),
    )
    expect(kinds).toEqual(new Set(faultKinds))
  })

  test.each([0, 0.1, faultShareMax])(
    'are on a share of %d of the units, and of the kinds wanted',
    (share) => {
      const kinds = ['fan-failure', 'over-current'] as const
      const times = day.filter((_, minute) => minute % 60 === 0)
      const faults = times.flatMap((timeMs) => faultyAt(3, timeMs, { share, kinds }))
      expect(Math.abs(faults.length / (times.length * fleetSize) - share)).toBeLessThan(0.02)
      expect(new Set(faults.map(({ kind }) => kind))).toEqual(new Set(share === 0 ? [] : kinds))
    },
  )

  test('are the same for the same seed, and others for another', () => {
    const timeMs = startMs + 12 * 60 * minuteMs
    expect(faultyAt(7, timeMs)).toEqual(faultyAt(7, timeMs))
    expect(faultyAt(7, timeMs)).not.toEqual(faultyAt(8, timeMs))
  })
})

test('a fault only grows, keeps its kind, and is repaired within an hour', () => {
  let faults = 0
  for (let unit = 0; unit < 60; unit += 1) {
    let before: Fault | undefined
    let minutes = 0
    for (const timeMs of day) {
      const now = faultAt({ seed: 1, unit, timeMs }, defaultFaults)
      if (now !== undefined && before !== undefined && now.severity >= before.severity) {
        expect(now.kind).toBe(before.kind)
        minutes += 1
        expect(minutes).toBeLessThan(56)
      } else if (now !== undefined) {
        // A new fault begins small; one may be under way when the day begins.
        if (timeMs !== startMs) {
          expect(now.severity).toBeLessThanOrEqual(0.2)
          faults += 1
        }
        minutes = 0
      }
      before = now
    }
  }
  expect(faults).toBeGreaterThan(30)
})
