import fc from 'fast-check'
import { expect, test } from 'vitest'
import { splitCsvLine } from './csv-line.ts'

test.each([
  ['a,b', ['a', 'b']],
  ['', ['']],
  [',', ['', '']],
  ['a,', ['a', '']],
  ['"a,b",c', ['a,b', 'c']],
  ['"say ""yes""",', ['say "yes"', '']],
  ['""', ['']],
  ['"a', undefined],
  ['"a"b,c', undefined],
  ['a"b,c', undefined],
  ['a,"', undefined],
])('%j', (line, cells) => {
  expect(splitCsvLine(line)).toEqual(cells)
})

test('cells that were quoted come back', () => {
  const cell = fc.string({ unit: fc.constantFrom('a', ',', '"', ' ') })
  fc.assert(
    fc.property(fc.array(cell, { minLength: 1 }), (cells) => {
      const line = cells.map((text) => `"${text.replaceAll('"', '""')}"`).join(',')
      expect(splitCsvLine(line)).toEqual(cells)
    }),
  )
})

test('any line gives cells or a refusal', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', ',', '"') }), (line) => {
      const cells = splitCsvLine(line)
      if (cells !== undefined && !line.includes('"')) expect(cells.join(',')).toBe(line)
    }),
  )
})
