import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Rejection } from '@faultline/ingest/files'
import { RejectionLog } from './rejection-log.ts'

const rejection = (at: number): Rejection => ({
  file: 'a.bin',
  at,
  reason: 'CLOCK_INVALID',
  detail: 'the clock is wrong',
  raw: 'AAAA',
  encoding: 'base64',
})

const positions = (path: string) =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as Rejection).at)

test('whatever a crash left beyond the position of the ledger, each record is there once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rejections-'))
  const scenario = fc.record({
    records: fc.integer({ min: 1, max: 30 }),
    /** How far the ledger was, and how far the lines, when the process died. */
    ledger: fc.nat(30),
    written: fc.nat(30),
    torn: fc.constantFrom('', '{"file":"a.bin","at":9', '\0\0\0\n'),
  })
  let run = 0
  await fc.assert(
    fc.asyncProperty(scenario, async ({ records, ledger, written, torn }) => {
      run += 1
      const path = join(folder, 'deep', `${run}.jsonl`)
      const all = Array.from({ length: records }, (_, at) => rejection(at))
      const committed = Math.min(ledger, written, records)
      const before = new RejectionLog(path, 0)
      await before.add(all.slice(0, Math.min(written, records)))
      if (written > 0) appendFileSync(path, torn)
      const after = new RejectionLog(path, committed)
      for (const each of all.slice(committed)) await after.add([each])
      await after.add([rejection(records)])
      expect(positions(path)).toEqual([...all.map(({ at }) => at), records])
    }),
    { numRuns: 60 },
  )
  rmSync(folder, { recursive: true })
})
