import { expect, test } from 'vitest'
import { readMavenLine } from './maven-output.ts'

test('reads a finished download', () => {
  expect(
    readMavenLine('Downloaded from central: https://host/maven2/a/b/1/b-1.jar (4.2 kB at 23 kB/s)'),
  ).toEqual({ kind: 'downloaded', file: 'b-1.jar', bytes: 4200 })
})

test.each([
  ['Progress (1): 12/142 MB', 12e6],
  ['Progress (1): 6.7 MB    ', 6.7e6],
  ['Progress (2): 1.5/6.7 MB | 12 kB', 1.512e6],
])('adds up the files under way: %s', (line, bytes) => {
  expect(readMavenLine(line)).toEqual({ kind: 'progress', bytes })
})

test('reads a complaint', () => {
  expect(readMavenLine('[ERROR] Could not resolve x')).toEqual({
    kind: 'error',
    text: 'Could not resolve x',
  })
})

test('knows nothing of other lines', () => {
  expect(readMavenLine('[INFO] BUILD SUCCESS').kind).toBe('other')
})
