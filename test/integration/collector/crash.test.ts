import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { failpointNames } from '../../../packages/runtime/src/failpoints/catalogue.ts'
import { Chance } from '../../support/chance.ts'
import { eventually } from '../../support/eventually.ts'
import { freshDatabase, type FreshDatabase } from '../../support/fresh-database.ts'
import {
  connectWhenBack,
  killPostgres,
  startPostgresServer,
} from '../../support/postgres-server.ts'
import { expectBalanced, untilEmpty } from './account.ts'
import { startCollector } from '../../support/collector-process.ts'
import { GivenFrames } from './given-frames.ts'

let folder: string
let inbox: string
let errorFolder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'collector-'))
  inbox = join(folder, 'inbox')
  errorFolder = join(inbox, 'rejected')
  mkdirSync(inbox)
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

/** Files that take several batches, and batches that take several files. */
function giveFiles(given: GivenFrames, name: string): void {
  const put = (file: string, bytes: Buffer) => {
    writeFileSync(join(inbox, `.${file}`), bytes)
    renameSync(join(inbox, `.${file}`), join(inbox, file))
  }
  put(`${name}-large.bin`, given.take(2_000))
  put(`${name}-packed.bin.gz`, gzipSync(given.take(1_000)))
  put(`${name}-torn.bin`, Buffer.concat([given.take(100), Buffer.alloc(99)]))
  given.addBad()
  for (let i = 0; i < 10; i += 1) put(`${name}-small-${i}.bin`, given.take(10))
}

const start = ({ databaseUrl }: FreshDatabase, ready: boolean) =>
  startCollector({ databaseUrl, folder, ready, env: { COLLECT_POINTS_MAX: '75000' } })

const points = failpointNames.filter((name) => name.startsWith('collector.'))

describe('a collector that is killed', () => {
  // The first passage, one in the midst of a file, and one among the ends of the small files.
  const cases = points.flatMap((point) => [1, 4, 11].map((passage) => ({ point, passage })))

  test.each(cases)(
    'at $point, passage $passage, loses no frame and doubles none',
    async ({ point, passage }) => {
      await using database = await freshDatabase()
      const given = new GivenFrames(passage, 0.2)
      giveFiles(given, 'a')
      mkdirSync(join(folder, 'points'))
      writeFileSync(join(folder, 'points', point), `kill ${passage}`)
      await using first = await start(database, false)
      expect(await first.ended()).toBe('SIGKILL')
      await using second = await start(database, true)
      await untilEmpty(inbox)
      await expectBalanced({ connection: database.connection, given, errorFolder })
      expect(second.hasEnded).toBe(false)
    },
  )

  test('at any moment, again and again, loses no frame and doubles none', async () => {
    await using database = await freshDatabase()
    const given = new GivenFrames(77, 0.2)
    const chance = new Chance(78)
    for (let round = 0; round < 5; round += 1) {
      giveFiles(given, `r${round}`)
      await using collector = await start(database, false)
      const before = await countRows(database)
      const wanted = before + Math.floor(chance.next() * 2_000)
      // Wherever it is when so many rows are there, or the folder is done.
      await eventually(async () => {
        expect((await countRows(database)) > wanted || !(await hasFiles())).toBe(true)
      })
      await collector.kill()
    }
    await using last = await start(database, true)
    await untilEmpty(inbox)
    await expectBalanced({ connection: database.connection, given, errorFolder })
    expect(last.hasEnded).toBe(false)
  })
})

async function countRows({ connection }: FreshDatabase): Promise<number> {
  const [row] = await connection.query<{ rows: number }>(
    'select count(*)::int as rows from raw_measurements',
  )
  return row?.rows ?? 0
}

const hasFiles = () =>
  untilEmpty(inbox, 0).then(
    () => false,
    () => true,
  )

test('a PostgreSQL that is killed again and again under load costs no frame and doubles none', async () => {
  await using server = await startPostgresServer()
  const { databaseUrl } = server
  const given = new GivenFrames(5, 0.1)
  await using collector = await startCollector({
    databaseUrl,
    folder,
    env: { COLLECT_POINTS_MAX: '12500' },
  })
  for (let round = 0; round < 3; round += 1) {
    giveFiles(given, `r${round}`)
    // In the midst of it.
    await eventually(async () => {
      expect(await collector.metrics()).not.toMatch(/^faultline_files_waiting 0$/m)
    })
    await killPostgres(databaseUrl)
    giveFiles(given, `s${round}`)
    await eventually(async () => {
      expect((await collector.readiness()).status).toBe(503)
    })
    await eventually(async () => {
      expect((await collector.readiness()).status).toBe(200)
    })
  }
  await untilEmpty(inbox)
  const connection = await connectWhenBack(databaseUrl)
  await expectBalanced({ connection, given, errorFolder })
  await connection.close()
  expect(collector.log).toContain('waiting for PostgreSQL')
  expect(collector.hasEnded).toBe(false)
})
