import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { replication } from '@faultline/contracts/postgres-migrations'
import { AppProcess } from '../../support/app-process.ts'
import { eventually } from '../../support/eventually.ts'
import {
  connectWhenBack,
  killPostgres,
  startPostgresServer,
} from '../../support/postgres-server.ts'

/** Hypothesis: the keeper outlives its database, says so, and takes its work up again by itself. */

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keeper-'))
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

test('a PostgreSQL that goes away and comes back is waited for, and looked at again', async () => {
  await using server = await startPostgresServer()
  const { databaseUrl } = server
  const before = await connectWhenBack(databaseUrl)
  await before.query(`select pg_create_logical_replication_slot('${replication.slot}', 'pgoutput')`)
  const settings = { app: 'postgres-keeper', databaseUrl, folder, env: {} }
  await using keeper = await AppProcess.start({ ...settings, ready: true })
  await before.close()
  for (let round = 0; round < 2; round += 1) {
    await killPostgres(databaseUrl)
    await eventually(async () => {
      const { status, body } = await keeper.readiness()
      expect([status, body]).toEqual([503, expect.stringContaining('PostgreSQL')])
    })
    await eventually(async () => {
      expect((await keeper.readiness()).status).toBe(200)
    })
  }
  expect(keeper.hasEnded).toBe(false)
})
