import { expect, test } from 'vitest'
import { FaultlineError } from '../errors/index.ts'
import { fromPostgres } from './errors.ts'

test.each([
  ['ECONNREFUSED', 'DATABASE_UNAVAILABLE'],
  ['57P03', 'DATABASE_UNAVAILABLE'],
  ['28P01', 'CONFIG_INVALID'],
  ['3D000', 'CONFIG_INVALID'],
  ['53100', 'DISK_FULL'],
])('%s becomes %s', (code, expected) => {
  const cause = Object.assign(new Error('from the driver'), { code })
  expect(fromPostgres(cause)).toMatchObject({ code: expected, cause })
})

test('what is not classified stays what it is, and so is fatal', () => {
  const error = Object.assign(new Error('syntax'), { code: '42601' })
  expect(fromPostgres(error)).toBe(error)
  expect(fromPostgres('text')).toBe('text')
})

test('an error of the product stays what it is', () => {
  const error = new FaultlineError('DISK_FULL', 'full')
  expect(fromPostgres(error)).toBe(error)
})
