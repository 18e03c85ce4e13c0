import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { checkEnvironmentNames, editDistance } from './known-environment.ts'

describe('FAULTLINE_ names in the environment', () => {
  it('are accepted when they are known; other names do not matter', () => {
    expect(() => {
      checkEnvironmentNames({ FAULTLINE_HOME: '/srv', FAULTLINE_CACHE: '', HOME: '/root' })
    }).not.toThrow()
  })

  it('are accepted when docker-compose.yml wants them, or the test of the page', () => {
    const compose = readFileSync(new URL('../../../docker-compose.yml', import.meta.url), 'utf8')
    const wanted = [...compose.matchAll(/\$\{(FAULTLINE_\w+)/g)].map(([, name = '']) => name)
    expect(wanted).toContain('FAULTLINE_DATABASE_PASSWORD')
    for (const name of [...wanted, 'FAULTLINE_CHROMIUM']) {
      expect(() => {
        checkEnvironmentNames({ [name]: 'x' })
      }).not.toThrow()
    }
  })

  it('are an error with the nearest name when they are not', () => {
    expect(() => {
      checkEnvironmentNames({ FAULTLINE_HOEM: '/srv' })
    }).toThrow(/FAULTLINE_HOEM is not known; did you mean FAULTLINE_HOME\?/)
  })
})

describe('the edit distance', () => {
  it.each([
    ['', '', 0],
    ['', 'abc', 3],
    ['kitten', 'sitting', 3],
    ['HOME', 'HOEM', 2],
  ])('of "%s" and "%s" is %i', (from, to, distance) => {
    expect(editDistance(from, to)).toBe(distance)
    expect(editDistance(to, from)).toBe(distance)
  })
})
