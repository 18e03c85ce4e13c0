import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseMeasuredAt } from './measured-at.ts'

const noon = Date.UTC(2024, 1, 29, 12)

test.each([
  ['2024-02-29T12:00:00Z', noon],
  ['2024-02-29 12:00', noon],
  ['2024-02-29T12:00:00.5', noon + 500],
  ['2024-02-29T12:00:00,123456', noon + 123],
  ['2024-02-29T21:00:00+09:00', noon],
  ['2024-02-29T21:00:00+0900', noon],
  ['2024-02-29 04:30:00-07:30', noon],
  ['2024-02-29 13:00:00 +01', noon],
  ['2024-02-29', Date.UTC(2024, 1, 29)],
  [String(noon), noon],
])('%s', (text, expected) => {
  expect(parseMeasuredAt(text)).toBe(expected)
})

test.each([
  ['', 'nothing'],
  ['2023-02-29T12:00:00Z', 'a day that does not exist'],
  ['2024-13-01', 'a month that does not exist'],
  ['2024-02-29T24:30:00Z', 'an hour that does not exist'],
  ['1709208000', 'epoch seconds'],
  ['1999-12-31T23:59:59Z', 'a clock before 2000'],
  ['2106-02-07T06:28:15Z', 'a clock that ran over'],
  ['8/28/2007 0:00', 'another notation'],
  ['1e12', 'a number that is not written out'],
])('%s is refused: %s', (text) => {
  expect(parseMeasuredAt(text)).toBeUndefined()
})

test('what JavaScript writes comes back', () => {
  fc.assert(
    fc.property(fc.date({ min: new Date('2000-01-01Z'), max: new Date('2099-12-31Z') }), (date) => {
      fc.pre(!Number.isNaN(date.getTime()))
      expect(parseMeasuredAt(date.toISOString())).toBe(date.getTime())
    }),
  )
})
