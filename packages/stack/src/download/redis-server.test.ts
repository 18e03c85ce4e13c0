import { expect, test } from 'vitest'
import { embeddedRedisBinary, isNewEnough, redisVersion } from './redis-server.ts'

test.each([
  ['Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64', true],
  ['Redis server v=6.2.7 sha=00000000:0', true],
  ['Redis server v=6.0.16 sha=00000000:0', false],
  ['Redis server v=5.0.14 sha=00000000:0', false],
])('%s: new enough is %s', (output, enough) => {
  const version = redisVersion(output)
  expect(version !== undefined && isNewEnough(version)).toBe(enough)
})

test('names what to do where no binary is known', () => {
  expect(() => embeddedRedisBinary('sunos', 'sparc')).toThrow(/TOOL_MISSING.*sunos/)
})
