import { expect, it } from 'vitest'
import { formatDuration } from './duration.ts'

it.each([
  [0, '0.0 s'],
  [9_949, '9.9 s'],
  [42_000, '42 s'],
  [600_000, '10 min'],
  [3 * 3_600_000, '3 h'],
  [5 * 86_400_000, '5 d'],
])('shows %i ms as %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text)
})
