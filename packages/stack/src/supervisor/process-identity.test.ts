import { describe, expect, it } from 'vitest'
import { parseProcStat } from './process-identity.ts'

const tail = 'S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 11 0 987654 123456 789'

describe('the line of /proc/<pid>/stat', () => {
  it('gives state and start time', () => {
    expect(parseProcStat(`42 (node) ${tail}`)).toEqual({ state: 'S', startTicks: '987654' })
  })

  it('is not misled by spaces and parentheses in the name of the program', () => {
    expect(parseProcStat(`42 (a) b (c 1) ${tail}`)).toEqual({ state: 'S', startTicks: '987654' })
  })

  it('gives nothing for a line that is cut off', () => {
    expect(parseProcStat('42 (node) S 1 42')).toBeUndefined()
    expect(parseProcStat('')).toBeUndefined()
  })
})
