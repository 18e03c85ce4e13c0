import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadPath, type LoadResult } from '@faultline/ingest/load'
import { freshDatabase, type FreshDatabase } from '../../support/fresh-database.ts'

/** A folder of files to load and a database to load them into, gone with `await using`. */
export interface LoadFolder extends AsyncDisposable {
  readonly folder: string
  readonly database: FreshDatabase
  /** Loads the folder, or one file of it. */
  load(name?: string): Promise<LoadResult>
  count(): Promise<number>
}

/** `shared` is a database that stays: for loads that are refused. */
export async function loadFolder(
  files: Readonly<Record<string, string | Uint8Array>>,
  shared?: FreshDatabase,
): Promise<LoadFolder> {
  const folder = await mkdtemp(join(tmpdir(), 'faultline-load-'))
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content)
  const database = shared ?? (await freshDatabase())
  return {
    folder,
    database,
    load: (name = '') =>
      loadPath({
        path: join(folder, name),
        databaseUrl: database.databaseUrl,
        rejectedFolder: join(folder, 'rejected'),
      }),
    count: async () => {
      const [row] = await database.connection.query<{ rows: number }>(
        'select count(*)::int as rows from raw_measurements',
      )
      return row?.rows ?? Number.NaN
    },
    [Symbol.asyncDispose]: async () => {
      if (shared === undefined) await database[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
}

/** The records of a rejection file. */
export async function readRejections(path: string | null): Promise<Record<string, unknown>[]> {
  if (path === null) return []
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n')
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}
