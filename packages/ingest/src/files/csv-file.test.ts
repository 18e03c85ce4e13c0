import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { splitCsvLine } from './csv-line.ts'
import { RowReader, readTextRow, type CsvPlan, type ModelDirectory } from './csv-file.ts'
import { Line } from './lines.ts'
import { PlainRowReader } from './plain-row.ts'

const directory: ModelDirectory = {
  channelsOf: new Map([['pump', ['flow', 'pressure', 'speed', 'unused']]]),
  modelOf: new Map([
    ['P-1', 'pump'],
    ['B-1', 'boiler'],
  ]),
}
const plan: CsvPlan = {
  path: 'a.csv',
  file: 'a.csv',
  columns: ['pressure', 'device_id', 'flow', 'measured_at', 'car_number', 'speed'],
  layouts: new Map([
    [
      'pump',
      {
        channels: 4,
        cells: [
          [0, 1],
          [2, 0],
          [5, 2],
        ],
      },
    ],
  ]),
}

const lineOf = (cells: readonly string[]) => new Line(2, Buffer.from(cells.join(',')))

const digits = fc.stringMatching(/^-?\d{0,18}\.?\d{0,18}(e-?\d{1,2})?$/)
const reading = fc.oneof(
  { weight: 6, arbitrary: fc.double({ noNaN: true }).map(String) },
  { weight: 3, arbitrary: digits },
  { weight: 2, arbitrary: fc.float({ noNaN: true }).map((value) => value.toFixed(3)) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '',
      ' ',
      '\t',
      '-',
      '.',
      '+1',
      '0x10',
      'NaN',
      '1 2',
      '"7"',
      ' 7.5 ',
      '\u00a05',
    ),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 5 }) },
)
const device = fc.oneof(
  fc.constantFrom('P-1', 'P-2', 'B-1', ' P-1 ', '', '"P-1"', 'Pümpe', 'P\u007f', 'P\t1'),
  fc.string({ maxLength: 4 }),
)
const time = fc.oneof(
  fc
    .date({ min: new Date('1999-12-31'), max: new Date('2101-01-01'), noInvalidDate: true })
    .chain((date) =>
      fc.constantFrom(
        date.toISOString(),
        date.toISOString().replace(/\.\d+Z$/, 'Z'),
        date.toISOString().replace('Z', '+01:00'),
        date.toISOString().replace('T', ' ').slice(0, 16),
        String(date.getTime()),
      ),
    ),
  fc.stringMatching(/^202[0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.\d{3})?Z$/),
  fc.constantFrom('2026-02-30T00:00:00Z', '2026-11-21T24:00:00Z', '2026-11-21', '"2026-11-21"', ''),
)
const car = fc.oneof(fc.constantFrom('', '7', '-1', '1.5', '2147483648', 'x'), fc.nat().map(String))

describe('a row of a table', () => {
  it('is the same row, or refused for the same reason, whether it is read from bytes or from text', () => {
    const reader = new RowReader(plan, directory)
    fc.assert(
      fc.property(fc.tuple(reading, device, reading, time, car, reading), (cells) => {
        const line = lineOf(cells)
        expect(reader.read(line)).toEqual(readTextRow(plan, directory, line))
      }),
      { numRuns: 3_000 },
    )
  })

  it('is the same with cells too many or too few', () => {
    const reader = new RowReader(plan, directory)
    const good = ['1', 'P-1', '2', '2026-11-21T00:00:00Z', '', '3']
    for (const cells of [good, good.slice(1), [...good, ''], [...good, '4'], ['']]) {
      expect(reader.read(lineOf(cells))).toEqual(readTextRow(plan, directory, lineOf(cells)))
    }
  })

  it('in plain notation is read from its bytes', () => {
    const plain = new PlainRowReader(['device_id', 'measured_at', 'reading', 'reading', 'reading'])
    const text = 'P-1,2026-11-21T00:00:01.500Z,-12.25,,1e-3'
    expect(splitCsvLine(text)).toHaveLength(5)
    expect(plain.read(Buffer.from(text))).toBe(true)
    expect([plain.deviceId, plain.measuredAtMs, plain.carNumber]).toEqual([
      'P-1',
      Date.UTC(2026, 10, 21, 0, 0, 1, 500),
      null,
    ])
    expect([...plain.values.subarray(2)]).toEqual([-12.25, NaN, Math.fround(1e-3)])
  })
})
