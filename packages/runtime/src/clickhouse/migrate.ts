import { clickhouseMigrationsFolder } from '@faultline/contracts/clickhouse-migrations'
import { failpoint } from '../failpoints/index.ts'
import { planMigrations, readMigrations } from '../migrations.ts'
import { startClickhouse, type ClickhouseClient } from './clickhouse-client.ts'

interface MigrateOptions {
  readonly clickhouseUrl: string
}

const requestTimeoutMs = 60_000

const history = [
  'CREATE DATABASE IF NOT EXISTS app',
  `CREATE TABLE IF NOT EXISTS app.schema_migrations
   (name String, checksum String, applied_at DateTime('UTC') DEFAULT now())
   ENGINE = ReplacingMergeTree ORDER BY name`,
]

/**
 * Brings the database `app` up to date, in order. Safe to repeat, to run twice at once and to be killed at any point:
 * ClickHouse has no transactions for this, so the statements themselves can be repeated, and a migration is recorded when
 * all of its statements are done. Returns the names of the migrations applied now.
 * @throws FaultlineError MIGRATION_CONFLICT (an applied file was changed or is unknown here), WAREHOUSE_UNAVAILABLE,
 *   CONFIG_INVALID, DISK_FULL
 */
export async function migrateClickhouse(options: MigrateOptions): Promise<readonly string[]> {
  const migrations = await readMigrations(clickhouseMigrationsFolder)
  const connection = startClickhouse({
    url: options.clickhouseUrl,
    clientName: 'faultline-migrate',
    requestTimeoutMs,
  })
  const client = connection.value
  try {
    for (const sql of history) await client.run('the migration history', { sql })
    const missing = planMigrations(migrations, await applied(client))
    for (const { name, sql, checksum } of missing) {
      for (const [i, statement] of statements(sql).entries()) {
        if (i > 0) failpoint('clickhouse.migration-half-done')
        await client.run(name, { sql: statement })
      }
      await client.run('the migration history', {
        sql: 'INSERT INTO app.schema_migrations (name, checksum) VALUES ({name:String}, {checksum:String})',
        parameters: { name, checksum },
      })
    }
    return missing.map(({ name }) => name)
  } finally {
    await connection.stop()
  }
}

async function applied(client: ClickhouseClient): Promise<ReadonlyMap<string, string>> {
  const rows = await client.rows<{ name: string; checksum: string }>('the migration history', {
    sql: 'SELECT name, checksum FROM app.schema_migrations FINAL ORDER BY name',
  })
  return new Map(rows.map(({ name, checksum }) => [name, checksum]))
}

/** The statements of a file: each ends in a semicolon at the end of a line. */
export function statements(sql: string): readonly string[] {
  return sql
    .split(/;[ \t]*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement.replaceAll(/^--.*$/gm, '').trim() !== '')
}
