import { describe, expect, it } from 'vitest'
import { FaultlineError } from '@faultline/runtime/errors'
import { Terminal } from '../terminal.ts'
import { describeResult, reportFailure } from './load.ts'

const result = {
  rows: 96_479,
  rejected: 0,
  seconds: 8,
  files: 4,
  known: 0,
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

it('says what had been loaded before', () => {
  const again = { ...result, rows: 0, rowsPerSecond: 0, known: 4 }
  expect(describeResult(again)).toBe(
    'Loaded 4 files in 8.0 s: 0 rows, 0 rows/s, 0 rejected\n' +
      '  All of it had been loaded before, and was not stored again',
  )
  expect(describeResult({ ...again, known: 3 })).toContain('3 of the files had been loaded before')
})

describe('a load that fails', () => {
  const broken = new FaultlineError('DATABASE_UNAVAILABLE', 'the connection broke', {
    remedy: 'Start it.',
  })
  const reached = { rows: 60_000, rejected: 3, rejectedFile: '/home/rejected/a', seconds: 8 }

  const report = (failure: Parameters<typeof reportFailure>[1]) => {
    const written = { out: '', err: '' }
    const stream = (name: keyof typeof written) => ({
      write: (text: string) => {
        written[name] += text
        return true
      },
    })
    reportFailure(new Terminal(stream('out'), stream('err'), {}), failure)
    return written
  }

  it('says what is committed, what may be, and where the rejected records are', () => {
    expect(report({ error: broken, reached, json: false })).toEqual({
      out: '',
      err:
        'The load failed after 8.0 s: 60,000 rows are committed, 3 were rejected.' +
        ' Up to 2,000 more may be: the answer to the last batch is lost.\n' +
        '  The rejected records are kept with their reasons in /home/rejected/a\n' +
        '  Load the same again: it goes on where it was, and stores nothing twice.\n',
    })
  })

  it('is sure of what is committed where the database did not fail', () => {
    const none = { rows: 0, rejected: 0, rejectedFile: null, seconds: 0.5 }
    expect(report({ error: new Error('EISDIR'), reached: none, json: false }).err).toBe(
      'The load failed after 0.5 s: 0 rows are committed, 0 were rejected.\n' +
        '  Load the same again: it goes on where it was, and stores nothing twice.\n',
    )
  })

  it('leaves the word to the error when nothing was read', () => {
    const missing = new FaultlineError('NOT_FOUND', 'no file')
    expect(report({ error: missing, reached: undefined, json: false })).toEqual({
      out: '',
      err: '',
    })
  })

  it('tells a program the same, also when nothing was read', () => {
    const failure = {
      code: 'DATABASE_UNAVAILABLE',
      message: 'DATABASE_UNAVAILABLE: the connection broke',
      remedy: 'Start it.',
    }
    expect(JSON.parse(report({ error: broken, reached, json: true }).out)).toEqual({
      ...reached,
      failure,
    })
    expect(JSON.parse(report({ error: broken, reached: undefined, json: true }).out)).toMatchObject(
      { rows: 0, rejectedFile: null, failure },
    )
  })
})
