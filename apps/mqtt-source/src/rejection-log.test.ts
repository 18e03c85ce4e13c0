import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { RejectionLog } from './rejection-log.ts'

test('every line that was told durable is in the file once, in order; without one there is no file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rejected-'))
  onTestFinished(() => {
    rmSync(folder, { recursive: true })
  })
  const unused = new RejectionLog(join(folder, 'none.jsonl'))
  await unused.close()
  const log = new RejectionLog(join(folder, 'deep', 'some.jsonl'))
  await log.add({ n: 0 })
  await Promise.all([1, 2, 3].map((n) => log.add({ n })))
  const last = log.add({ n: 4 })
  await log.close()
  await last
  expect(readdirSync(folder)).toEqual(['deep'])
  expect(readFileSync(join(folder, 'deep', 'some.jsonl'), 'utf8')).toBe(
    [0, 1, 2, 3, 4].map((n) => `{"n":${n}}\n`).join(''),
  )
})
