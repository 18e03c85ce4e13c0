import { expect, it } from 'vitest'
import { describeResult } from './load.ts'

const result = {
  rows: 96_479,
  rejected: 0,
  seconds: 8,
  files: 4,
  rejectedFile: null,
  rowsPerSecond: 12_060,
  interrupted: false,
}

it('says how much was loaded, how fast, and what was rejected', () => {
  expect(describeResult(result)).toBe(
    'Loaded 4 files in 8.0 s: 96,479 rows, 12,060 rows/s, 0 rejected',
  )
})

it('says where rejected records are, and that a load was interrupted', () => {
  const partial = {
    ...result,
    files: 1,
    rejected: 3,
    rejectedFile: '/home/rejected/a',
    interrupted: true,
  }
  expect(describeResult(partial)).toBe(
    'Interrupted; loaded 1 file in 8.0 s: 96,479 rows, 12,060 rows/s, 3 rejected\n' +
      '  The rejected records are kept with their reasons in /home/rejected/a',
  )
})
