import { describe, expect, it } from 'vitest'
import { ingestionTime, intentText, readIntent } from './intent.ts'

describe('intent', () => {
  it('comes back from the text it was written as', () => {
    const intent = { end: 1_234_567_890_123, ingestedAt: 4_102_444_800 }
    expect(readIntent(intentText(intent))).toEqual(intent)
  })

  it.each(['', 'until:', 'until:-1 at:1', 'until:1', 'until:1 at:2 ', 'something else'])(
    'is not seen in %j',
    (text) => {
      expect(readIntent(text)).toBeNull()
    },
  )

  // Hypothesis: an announcement that no INSERT can carry stops the sink at every start.
  it('is within what ClickHouse can count and add years to, also where an earlier version wrote it', () => {
    expect(readIntent('until:5 at:4294987200')).toEqual({ end: 5, ingestedAt: 4_102_444_800 })
  })
})

describe('the time of ingestion', () => {
  const commit = Date.UTC(2026, 5, 1)
  it.each([
    ['the clock', commit + 5_400, commit / 1_000 + 5],
    ['the newest commit where the clock is behind', 0, commit / 1_000],
    ['2100 where the clock is far ahead', Date.UTC(2106, 1, 7, 12), 4_102_444_800],
  ])('is that of %s', (_, now, seconds) => {
    expect(ingestionTime(now, commit)).toBe(seconds)
  })

  it('never is before 1970', () => {
    expect(ingestionTime(-5_000, -1)).toBe(0)
  })
})
