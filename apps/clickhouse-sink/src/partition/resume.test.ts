import { describe, expect, it } from 'vitest'
import { intentText } from './intent.ts'
import { planResume, type Resume } from './resume.ts'

const confirmed = (offset: number) => ({ offset, metadata: '' })
const intent = (offset: number, end: number) => ({
  offset,
  metadata: intentText({ end, ingestedAt: 7 }),
})
const at = (next: number | null): Resume => ({ next, redo: null })

// The table of SPEC.md, row by row.
const table: readonly [string, Parameters<typeof planResume>, Resume][] = [
  ['nothing known', [null, null], at(null)],
  ['the group forgot, the warehouse did not', [null, 70], at(70)],
  ['confirmed, nothing stored beyond', [confirmed(50), null], at(50)],
  ['confirmed, as stored', [confirmed(50), 50], at(50)],
  ['the group was set back', [confirmed(10), 50], at(50)],
  [
    'announced, nothing stored at all',
    [intent(50, 60), null],
    { next: 50, redo: { end: 60, ingestedAt: 7 } },
  ],
  ['announced, not stored', [intent(50, 60), 50], { next: 50, redo: { end: 60, ingestedAt: 7 } }],
  ['announced and stored', [intent(50, 60), 60], at(60)],
  ['announced and stored, the last record was a removal', [intent(50, 60), 58], at(60)],
  ['set back to an old announcement', [intent(50, 60), 90], at(90)],
  ['an announcement of nothing', [intent(50, 50), 50], at(50)],
]

describe('planResume', () => {
  it.each(table)('%s', (_name, args, expected) => {
    expect(planResume(...args)).toEqual(expected)
  })
})
