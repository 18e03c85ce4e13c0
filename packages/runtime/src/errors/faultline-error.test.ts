import { describe, expect, it } from 'vitest'
import { FaultlineError, isFaultlineError, messageOf, systemCode } from './index.ts'

describe('FaultlineError', () => {
  it('begins its message with the code and keeps cause, context and remedy', () => {
    const cause = new Error('ECONNREFUSED')
    const error = new FaultlineError('BROKER_UNAVAILABLE', 'no broker at localhost:9092', {
      cause,
      context: { attempts: 5 },
      remedy: 'Start it.',
    })
    expect(error.message).toBe('BROKER_UNAVAILABLE: no broker at localhost:9092')
    expect(error).toMatchObject({ name: 'FaultlineError', cause, context: { attempts: 5 } })
    expect(error.remedy).toBe('Start it.')
    expect(error.disposition).toBe('retry')
  })

  it('needs no detail', () => {
    const error = new FaultlineError('TRANSACTION_ABORTED', 'timed out')
    expect(error).toMatchObject({ context: {}, remedy: undefined, disposition: 'rewind' })
  })
})

it('isFaultlineError asks for the class, and for the code where one is given', () => {
  const error: unknown = new FaultlineError('PORT_TAKEN', 'port 1')
  expect(isFaultlineError(error)).toBe(true)
  expect(isFaultlineError(error, 'PORT_TAKEN')).toBe(true)
  expect(isFaultlineError(error, 'DISK_FULL')).toBe(false)
  expect(isFaultlineError(new Error('PORT_TAKEN: port 1'), 'PORT_TAKEN')).toBe(false)
})

it.each([
  [Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
  [{ code: '28P01' }, '28P01'],
  [{ code: 42 }, undefined],
  [new Error('x'), undefined],
  [null, undefined],
  ['ECONNREFUSED', undefined],
])('systemCode of %o is %s', (error, code) => {
  expect(systemCode(error)).toBe(code)
})

it.each([
  [new Error('broken'), 'broken'],
  ['text', 'text'],
  [undefined, 'undefined'],
])('messageOf %o is %s', (error, message) => {
  expect(messageOf(error)).toBe(message)
})
