import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { PostgresConnection } from '@faultline/runtime/postgres'
import { eventually } from '../../support/eventually.ts'
import type { GivenFrames } from './given-frames.ts'

/** Device, time and car number of every row, sorted. */
async function storedFrames(connection: PostgresConnection): Promise<readonly string[]> {
  const rows = await connection.query<{ frame: string }>(
    `select device_id || ' ' || (extract(epoch from measured_at) * 1000)::bigint || ' ' || car_number as frame
     from raw_measurements`,
  )
  return rows.map(({ frame }) => frame).toSorted()
}

/** File and position of every rejected record. */
export function keptRejections(errorFolder: string): readonly string[] {
  const names = readNames(errorFolder).filter((name) => name.endsWith('.jsonl'))
  return names.flatMap((name) =>
    readFileSync(join(errorFolder, name), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const { file, at } = JSON.parse(line) as { file: string; at: number }
        return `${file} ${at}`
      }),
  )
}

export function readNames(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

export const framesIn = (folder: string): readonly string[] =>
  readNames(folder).filter((name) => /^[^.].*\.(bin|frames)(\.gz)?$/.test(name))

/** Resolves when the folder holds no frame file any more. */
export async function untilEmpty(inbox: string, limitMs = 60_000): Promise<void> {
  await eventually(
    () => {
      expect(framesIn(inbox)).toEqual([])
    },
    { limitMs, everyMs: 50 },
  )
}

interface Account {
  readonly connection: PostgresConnection
  readonly given: GivenFrames
  readonly errorFolder: string
}

/** Every frame that was given is in the database once or among the rejected once, and the ledger says the same. */
export async function expectBalanced({ connection, given, errorFolder }: Account): Promise<void> {
  const stored = await storedFrames(connection)
  expect(stored.length).toBe(given.good.length)
  expect(stored).toEqual(given.good)
  const kept = keptRejections(errorFolder)
  expect(new Set(kept).size).toBe(kept.length)
  expect(kept.length).toBe(given.bad)
  const ledger = await connection.query(
    `select coalesce(sum(written), 0)::int as written, coalesce(sum(rejected), 0)::int as rejected,
       count(*) filter (where completed_at is null)::int as open
     from ingest_ledger where source = 'files'`,
  )
  expect(ledger).toEqual([{ written: given.good.length, rejected: given.bad, open: 0 }])
}
