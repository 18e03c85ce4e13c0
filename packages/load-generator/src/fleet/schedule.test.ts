import { expect, test } from 'vitest'
import { lastReportAt, reportsBetween } from './schedule.ts'

const fleetSize = 500

const startMs = Date.UTC(2026, 10, 21)

test('every unit reports once in five seconds at 100 rows a second, one every 10 ms', () => {
  const after = lastReportAt(startMs, 100)
  const reports = [
    ...reportsBetween(after, lastReportAt(startMs + 5_000, 100), {
      units: fleetSize,
      rowsPerSecond: 100,
    }),
  ]
  expect(reports).toHaveLength(fleetSize)
  expect(new Set(reports.map(({ unit }) => unit)).size).toBe(fleetSize)
  const gaps = reports.slice(1).map(({ timeMs }, i) => timeMs - (reports[i]?.timeMs ?? 0))
  expect(new Set(gaps)).toEqual(new Set([10]))
})

test.each([1, 3, 100, 333, 1_000])(
  'at %d rows a second no report is early, missed or doubled',
  (rate) => {
    let after = lastReportAt(startMs, rate)
    let last = 0
    let count = 0
    for (let nowMs = startMs; nowMs <= startMs + 10_000; nowMs += 125) {
      const upTo = lastReportAt(nowMs, rate)
      for (const { timeMs } of reportsBetween(after, upTo, {
        units: fleetSize,
        rowsPerSecond: rate,
      })) {
        expect(timeMs).toBeGreaterThanOrEqual(last)
        expect(timeMs).toBeLessThanOrEqual(nowMs)
        last = timeMs
        count += 1
      }
      after = upTo
    }
    expect(Math.abs(count - rate * 10)).toBeLessThanOrEqual(1)
  },
)
