import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { connectPostgres } from '@faultline/runtime/postgres'
import { fillDisk, mountSmallDisk } from '../../faults/tools/processes/small-disk.ts'
import type { AppProcess } from '../../support/app-process.ts'
import { startCollector } from '../../support/collector-process.ts'
import { eventually } from '../../support/eventually.ts'
import { freshDatabase } from '../../support/fresh-database.ts'
import { startPostgresServer } from '../../support/postgres-server.ts'
import { expectBalanced, framesIn, untilEmpty } from './account.ts'
import { GivenFrames } from './given-frames.ts'

// Only root on Linux may mount; elsewhere the disk of the test cannot be made small.
const isAllowed = process.platform === 'linux' && process.getuid?.() === 0

let folder: string
let inbox: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'collector-'))
  inbox = join(folder, 'inbox')
  mkdirSync(inbox)
})

afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

const untilWaiting = (collector: AppProcess, forWhat: string) =>
  eventually(async () => {
    const { status, body } = await collector.readiness()
    expect({ status, isNamed: body.includes(forWhat) }).toEqual({ status: 503, isNamed: true })
    expect(body).toContain('DISK_FULL')
  })

const megabyte = 1_048_576

test.runIf(isAllowed)(
  'no room for rejected records or in the archive: it waits, says so, and loses nothing',
  async () => {
    await using database = await freshDatabase()
    const { connection, databaseUrl } = database
    const given = new GivenFrames(6, 0.5)
    const disk = join(folder, 'disk')
    const errorFolder = join(disk, 'rejected')
    const unmount = await mountSmallDisk(disk, 4 * megabyte)
    try {
      const env = {
        COLLECT_ERROR_FOLDER: errorFolder,
        COLLECT_ARCHIVE_FOLDER: join(disk, 'archive'),
        COLLECT_POINTS_MAX: '100000',
      }
      await using collector = await startCollector({ databaseUrl, folder, env })
      // Not even one batch of rejected records fits.
      const roomForRejected = await fillDisk(disk, 50_000)
      writeFileSync(join(inbox, 'a.bin'), given.take(1_500))
      await untilWaiting(collector, 'room for rejected records')
      await roomForRejected()
      await untilEmpty(inbox)
      await expectBalanced({ connection, given, errorFolder })

      const clean = given.takeClean(1_500)
      const roomInArchive = await fillDisk(disk, 50_000)
      writeFileSync(join(inbox, 'b.bin'), clean)
      await untilWaiting(collector, 'room in the archive')
      expect(framesIn(inbox)).toEqual(['b.bin'])
      await roomInArchive()
      await untilEmpty(inbox)
      await expectBalanced({ connection, given, errorFolder })
      expect(framesIn(join(disk, 'archive'))).toEqual(['a.bin', 'b.bin'])
      expect(collector.hasEnded).toBe(false)
    } finally {
      await unmount()
    }
  },
)

test.runIf(isAllowed)(
  'no room for PostgreSQL: the collector waits until there is, and every frame is stored once',
  async () => {
    let data = ''
    await using server = await startPostgresServer(async (home) => {
      data = join(home, 'data')
      return mountSmallDisk(data, 300 * megabyte)
    })
    const { databaseUrl } = server
    const given = new GivenFrames(7, 0.1)
    const errorFolder = join(inbox, 'rejected')
    await using collector = await startCollector({
      databaseUrl,
      folder,
      env: { COLLECT_POINTS_MAX: '125000' },
    })
    const makeRoom = await fillDisk(data, 3 * megabyte)
    for (let i = 0; i < 20; i += 1) writeFileSync(join(inbox, `${i}.bin`), given.take(1_000))
    await eventually(async () => {
      expect((await collector.readiness()).status).toBe(503)
    })
    await makeRoom()
    await untilEmpty(inbox)
    const connection = await eventually(() =>
      connectPostgres({ databaseUrl, applicationName: 'test' }),
    )
    await expectBalanced({ connection, given, errorFolder })
    await connection.close()
    expect(collector.hasEnded).toBe(false)
  },
)
