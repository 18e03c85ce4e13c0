import { createRequire } from 'node:module'
import { expect, it } from 'vitest'
import { isFencing, isRetriable, isTextOfEnding, isTransactionEnding } from './errors.ts'

const require = createRequire(import.meta.url)
const { createErrorFromCode } = require('kafkajs/src/protocol/error') as {
  readonly createErrorFromCode: (code: number) => Error
}
const [invalidProducerEpoch, concurrentTransactions] = [47, 51]

it('knows the refusal of a coordinator that is still ending a transaction, and its line in the log', () => {
  const error = createErrorFromCode(concurrentTransactions)
  expect(isTransactionEnding(error)).toBe(true)
  expect(isRetriable(error)).toBe(true)
  expect(isTextOfEnding(error.message)).toBe(true)
})

it('does not take being fenced for it', () => {
  const error = createErrorFromCode(invalidProducerEpoch)
  expect(isFencing(error)).toBe(true)
  expect(isTransactionEnding(error)).toBe(false)
  expect(isRetriable(error)).toBe(false)
  expect(isTextOfEnding(error.message)).toBe(false)
})
