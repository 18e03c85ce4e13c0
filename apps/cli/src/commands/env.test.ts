import { describe, expect, it } from 'vitest'
import { exportLines, shellQuote } from './env.ts'

describe('faultline env', () => {
  it('prints the known addresses in their order, one export a line', () => {
    const lines = exportLines({
      API_URL: 'http://127.0.0.1:7400',
      OTHER: 'x',
      DATABASE_URL: "postgresql://f:it's&1@127.0.0.1:7401/f",
    })
    expect(lines).toEqual([
      `export DATABASE_URL='postgresql://f:it'\\''s&1@127.0.0.1:7401/f'`,
      'export API_URL=http://127.0.0.1:7400',
    ])
  })

  it.each([
    ['plain', 'plain'],
    ['', "''"],
    ['two words', "'two words'"],
    ['$(rm -r .)', "'$(rm -r .)'"],
    ["'", "''\\'''"],
  ])('quotes %s for a shell', (text, quoted) => {
    expect(shellQuote(text)).toBe(quoted)
  })
})
