import { expect, it } from 'vitest'
import { sampleTimeMs as now } from '../testing/samples.ts'
import { rankingTime } from './ranking-time.ts'

const hourMs = 3_600_000

it.each([
  ['nothing was measured', [], now],
  ['the fleet is live', [now - 100, now - 5 * hourMs], now],
  ['the fleet fell silent hours ago', [now - 20 * hourMs], now],
  ['old files were loaded', [now - 25 * hourMs, null], now - 25 * hourMs],
  ['the fleet runs ahead of the clock', [now + hourMs], now + hourMs],
])('evaluates a ranking at the right moment where %s', (_case, measured, expected) => {
  const progress = measured.map((measuredAt, partition) => ({ partition, offset: 0, measuredAt }))
  expect(rankingTime(progress, now)).toBe(expected)
})
