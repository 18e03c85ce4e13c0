import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { FaultlineError } from './errors/index.ts'

/** A migration as it lies in its folder. */
export interface Migration {
  readonly name: string
  readonly sql: string
  /** SHA-256 of the text, hex. */
  readonly checksum: string
}

/** The migrations `NNN_name.sql` of a folder, in order. */
export async function readMigrations(folder: URL): Promise<readonly Migration[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{3}_\w+\.sql$/.test(name)).toSorted()
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(new URL(name, folder), 'utf8')
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') }
    }),
  )
}

/**
 * The migrations still to apply. `applied` maps name to checksum as recorded in the database.
 * @throws FaultlineError MIGRATION_CONFLICT
 */
export function planMigrations(
  migrations: readonly Migration[],
  applied: ReadonlyMap<string, string>,
): readonly Migration[] {
  const known = new Map(migrations.map((migration) => [migration.name, migration.checksum]))
  for (const [name, checksum] of applied) {
    if (known.get(name) === checksum) continue
    const what = known.has(name)
      ? `the applied migration ${name} differs from its file`
      : `the database has the migration ${name}, which this version does not know`
    throw new FaultlineError('MIGRATION_CONFLICT', what, {
      context: { migration: name },
      remedy: known.has(name)
        ? 'Restore the file; changes to the schema go into a new migration.'
        : 'Run the version that applied it, or a newer one.',
    })
  }
  return migrations.filter(({ name }) => !applied.has(name))
}
