import { describe, expect, it } from 'vitest'
import { parseRunFile } from './run-file.ts'

const child = {
  name: 'kafka',
  identity: { pid: 42, startedAt: 'boot:7' },
  stopSignal: 'SIGTERM',
  stopTimeoutMs: 30_000,
  needs: [],
}

describe('the run file', () => {
  it('is read back', () => {
    expect(parseRunFile(JSON.stringify([child]))).toEqual([child])
  })

  it.each([
    ['an empty file', ''],
    ['a file cut off in the middle', JSON.stringify([child]).slice(0, 40)],
    ['another kind of file', '{"name":"kafka"}'],
    [
      'a negative process id',
      JSON.stringify([{ ...child, identity: { pid: -1, startedAt: 'x' } }]),
    ],
  ])('names nobody in %s', (_, text) => {
    expect(parseRunFile(text)).toEqual([])
  })
})
