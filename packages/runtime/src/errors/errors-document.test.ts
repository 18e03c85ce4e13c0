import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { errorCatalogue, type ErrorEntry } from './index.ts'

// | code | handling | HTTP | meaning | what to do |
const rows = readFileSync(new URL('../../../../docs/errors.md', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => /^\| [A-Z_]+ \|/.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()))

it('docs/errors.md lists the catalogue: every code once, in its order, as it is handled', () => {
  const documented = rows.map(([, code, handling, http]) => [code, handling, http])
  const entries: [string, ErrorEntry][] = Object.entries(errorCatalogue)
  expect(documented).toEqual(
    entries.map(([code, { disposition, httpStatus }]) => [
      code,
      disposition,
      httpStatus === undefined ? '' : String(httpStatus),
    ]),
  )
})

it.each(rows)('%s%s says what happened and what to do', (...cells) => {
  expect(cells.slice(4, 6).every((cell) => cell.endsWith('.'))).toBe(true)
})
