import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { failpointNames } from './catalogue.ts'

const project = resolve(import.meta.dirname, '..', '..', '..', '..')

/** The failpoints passed anywhere in the product, with repetitions. */
function passed(): readonly string[] {
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', 'apps', 'packages'], {
    cwd: project,
    encoding: 'utf8',
  })
  return files
    .split('\n')
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
    .map((path) => readFileSync(join(project, path), 'utf8'))
    .flatMap((text) => [...text.matchAll(/\bfailpoint\('([^']+)'\)/g)].map(([, name = '']) => name))
}

it('every failpoint is passed at exactly one place', () => {
  expect(passed().toSorted()).toEqual(failpointNames.toSorted())
})

it('docs/failpoints.md lists the catalogue: every point once, in its order, with place and promise', () => {
  const rows = readFileSync(join(project, 'docs', 'failpoints.md'), 'utf8')
    .split('\n')
    .filter((line) => /^\| [a-z]+\.[a-z-]+ \|/.test(line))
    .map((line) => line.split('|').map((cell) => cell.trim()))
  expect(rows.map(([, name]) => name)).toEqual([...failpointNames])
  expect(rows.every(([, , place, promise]) => place !== '' && promise?.endsWith('.'))).toBe(true)
})
