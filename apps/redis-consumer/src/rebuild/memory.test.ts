import { expect, it } from 'vitest'
import { estimateFrom, refuseTooLarge } from './memory.ts'

const databases = { liveDatabase: 0, stagingDatabase: 1 }
const mebibyte = 1_048_576
const memory = (limit: number) =>
  `# Memory\r\nused_memory:${110 * mebibyte}\r\nused_memory_dataset:${100 * mebibyte}\r\nmaxmemory:${limit * mebibyte}\r\n`
const twoGenerations = 'db0:keys=600,expires=0\r\ndb1:keys=400,expires=0\r\n'

it('counts the room that the former generation makes', () => {
  expect(estimateFrom(databases, { memory: memory(0), keyspace: twoGenerations })).toEqual({
    usedBytes: 70 * mebibyte,
    neededBytes: 60 * mebibyte,
    freedBytes: 40 * mebibyte,
    limitBytes: null,
  })
})

it.each([
  ['fits below maxmemory', 150, 1_000, true],
  ['leaves less than a tenth of maxmemory', 144, 1_000, false],
  ['fits into what the machine has free besides what is freed', 0, 23, true],
  ['takes more than the machine has', 0, 22, false],
])('%s', (_what, limit, free, isEnough) => {
  const estimate = estimateFrom(databases, { memory: memory(limit), keyspace: twoGenerations })
  const refuse = () => {
    refuseTooLarge(estimate, free * mebibyte)
  }
  if (isEnough) expect(refuse).not.toThrow()
  else expect(refuse).toThrow('two generations may not fit')
})

it('expects a Redis that lost its live data to become as large as the former generation', () => {
  const keyspace = 'db1:keys=400,expires=0\r\n'
  const { neededBytes, freedBytes } = estimateFrom(databases, { memory: memory(0), keyspace })
  expect([neededBytes, freedBytes]).toEqual([100 * mebibyte, 100 * mebibyte])
})
