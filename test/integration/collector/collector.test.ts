import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { frameBytes } from '@faultline/core/frame'
import { eventually } from '../../support/eventually.ts'
import { freshDatabase } from '../../support/fresh-database.ts'
import { expectBalanced, framesIn, keptRejections, readNames, untilEmpty } from './account.ts'
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

describe('the collector', () => {
  test('takes files of every kind, and every one of 10,000 fuzzed frames is in the database or among the rejected', async () => {
    await using database = await freshDatabase()
    const { connection, databaseUrl } = database
    const given = new GivenFrames(1, 0.5)
    // There before it starts, and written while it runs.
    writeFileSync(join(inbox, 'many.bin'), given.take(4_000))
    writeFileSync(join(inbox, 'packed.frames.gz'), gzipSync(given.take(3_000)))
    writeFileSync(join(inbox, '.hidden.bin'), given.take(0))
    writeFileSync(join(inbox, 'note.txt'), 'not a frame file')
    await using collector = await startCollector({
      databaseUrl,
      folder,
      env: { COLLECT_POINTS_MAX: '175000' },
    })
    await untilEmpty(inbox)
    for (let i = 0; i < 100; i += 1) {
      writeFileSync(join(inbox, `.${i}.bin`), given.take(20))
      renameSync(join(inbox, `.${i}.bin`), join(inbox, `small-${i}.bin`))
    }
    writeFileSync(join(inbox, 'torn.bin'), given.take(1_000))
    appendFileSync(join(inbox, 'torn.bin'), Buffer.alloc(100))
    given.addBad()
    await untilEmpty(inbox)
    expect(given.total).toBe(10_000)
    expect(given.bad).toBeGreaterThan(1_000)
    await expectBalanced({ connection, given, errorFolder })
    expect(readNames(inbox).toSorted()).toEqual(['.hidden.bin', 'note.txt', 'rejected'])
    const metrics = await collector.metrics()
    expect(metrics).toContain(
      `faultline_measurements_written_total{app="collector"} ${given.good.length}`,
    )
    expect(metrics).toContain('faultline_files_total{outcome="collected"} 103')
    expect((await collector.readiness()).status).toBe(200)
  })

  test('takes whole records of a file that still grows, and its end when it stands still', async () => {
    await using database = await freshDatabase()
    const { connection, databaseUrl } = database
    const given = new GivenFrames(2, 0.1)
    await using collector = await startCollector({
      databaseUrl,
      folder,
      env: { COLLECT_SETTLE_MS: '2000', COLLECT_POLL_MS: '60000' },
    })
    const path = join(inbox, 'growing.bin')
    const rowsStored = (rows: number) =>
      eventually(async () => {
        const [stored] = await connection.query<{ rows: number }>(
          'select count(*)::int as rows from raw_measurements',
        )
        expect(stored?.rows).toBe(rows)
      })
    const bytes = Buffer.concat([given.take(50), given.take(50)])
    const cut = 50 * frameBytes + 17
    const half = new GivenFrames(2, 0.1)
    half.take(50)
    appendFileSync(path, bytes.subarray(0, cut))
    await rowsStored(half.good.length)
    appendFileSync(path, bytes.subarray(cut))
    await rowsStored(given.good.length)
    expect(framesIn(inbox)).toEqual(['growing.bin'])
    await untilEmpty(inbox)
    await expectBalanced({ connection, given, errorFolder })
    expect(collector.log).not.toContain('"level":50')
  })

  test('takes a damaged archive as far as it can be read, and puts it aside with the reason', async () => {
    await using database = await freshDatabase()
    const { connection, databaseUrl } = database
    const given = new GivenFrames(3)
    const packed = gzipSync(given.take(2_000))
    writeFileSync(join(inbox, 'cut.bin.gz'), packed.subarray(0, packed.length / 2))
    writeFileSync(join(inbox, 'noise.bin.gz'), Buffer.alloc(5_000, 'noise'))
    await using collector = await startCollector({ databaseUrl, folder })
    await untilEmpty(inbox)
    const kept = keptRejections(errorFolder)
    const [stored] = await connection.query<{ rows: number; distinct: number }>(
      'select count(*)::int as rows, count(distinct car_number)::int as distinct from raw_measurements',
    )
    expect(stored?.rows).toBeGreaterThan(500)
    expect(stored?.distinct).toBe(stored?.rows)
    expect(kept.toSorted()).toEqual([
      `cut.bin.gz ${(stored?.rows ?? 0) * frameBytes}`,
      'noise.bin.gz 0',
    ])
    expect(framesIn(errorFolder).toSorted()).toEqual(['cut.bin.gz', 'noise.bin.gz'])
    // The whole archive under the same name: the rest of it is taken.
    writeFileSync(join(inbox, 'cut.bin.gz'), packed)
    await untilEmpty(inbox)
    const all = await connection.query<{ rows: number; distinct: number }>(
      'select count(*)::int as rows, count(distinct car_number)::int as distinct from raw_measurements',
    )
    expect(all).toEqual([{ rows: 2_000, distinct: 2_000 }])
    expect(collector.hasEnded).toBe(false)
  })

  test('holds as many points as it may while PostgreSQL stands still, and no more', async () => {
    await using database = await freshDatabase()
    const { connection, databaseUrl } = database
    const given = new GivenFrames(5, 0.3)
    const pointsMax = 100_000
    await using collector = await startCollector({
      databaseUrl,
      folder,
      // Batches are sent because they are full.
      env: { COLLECT_POINTS_MAX: String(pointsMax), COLLECT_BATCH_MS: '600000' },
    })
    const held = async () =>
      Number(/^faultline_points_held (.*)$/m.exec(await collector.metrics())?.[1])
    await connection.query('begin')
    await connection.query('lock table raw_measurements in access exclusive mode')
    for (let i = 0; i < 5; i += 1) {
      writeFileSync(join(inbox, `${i}.bin`), given.take(1_000))
      writeFileSync(join(inbox, `${i}.bin.gz`), gzipSync(given.take(1_000)))
    }
    // Two batches are full, and two pieces of a file that goes on are read.
    await eventually(async () => {
      expect(await held()).toBe(pointsMax)
    })
    expect(framesIn(inbox)).toHaveLength(10)
    await connection.query('commit')
    await untilEmpty(inbox)
    await expectBalanced({ connection, given, errorFolder })
    await eventually(async () => {
      expect(await held()).toBe(0)
    })
  })

  test('moves collected files into the archive, and knows a file that is put in again', async () => {
    await using database = await freshDatabase()
    const { connection, databaseUrl } = database
    const given = new GivenFrames(4)
    const first = given.take(100)
    const second = given.take(100)
    const put = async (name: string, bytes: Buffer) => {
      writeFileSync(join(inbox, name), bytes)
      await untilEmpty(inbox)
    }
    await using collector = await startCollector({
      databaseUrl,
      folder,
      env: { COLLECT_ARCHIVE_FOLDER: 'done' },
    })
    await put('a.bin', first)
    await put('a.bin', first)
    await put('a.bin', second)
    // Longer than before: only the new part is taken.
    await put('a.bin', Buffer.concat([first, given.take(10)]))
    await expectBalanced({ connection, given, errorFolder })
    expect(framesIn(join(inbox, 'done'))).toHaveLength(4)
    expect(collector.hasEnded).toBe(false)
  })
})
