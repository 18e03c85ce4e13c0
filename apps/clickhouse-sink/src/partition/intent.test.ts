import { describe, expect, it } from 'vitest'
import { intendedEnd, intentText } from './intent.ts'

describe('intent', () => {
  it('comes back from the text it was written as', () => {
    expect(intendedEnd(intentText(1_234_567_890_123))).toBe(1_234_567_890_123)
  })

  it.each(['', 'until:', 'until:-1', 'until:1 ', 'something else'])('is not seen in %j', (text) => {
    expect(intendedEnd(text)).toBeNull()
  })
})
