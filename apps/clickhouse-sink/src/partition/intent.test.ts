import { describe, expect, it } from 'vitest'
import { intentText, readIntent } from './intent.ts'

describe('intent', () => {
  it('comes back from the text it was written as', () => {
    const intent = { end: 1_234_567_890_123, ingestedAt: 4_294_967_295 }
    expect(readIntent(intentText(intent))).toEqual(intent)
  })

  it.each(['', 'until:', 'until:-1 at:1', 'until:1', 'until:1 at:2 ', 'something else'])(
    'is not seen in %j',
    (text) => {
      expect(readIntent(text)).toBeNull()
    },
  )
})
