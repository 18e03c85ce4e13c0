import { postgresMigrationsFolder, replication } from '@faultline/contracts/postgres-migrations'
import { Client } from 'pg'
import { planMigrations, readMigrations, type Migration } from '../migrations.ts'
import { fromPostgres } from './errors.ts'

interface MigrateOptions {
  /** Address of the database, as its owner; on a server without the replication role, as one who may create roles. */
  readonly databaseUrl: string
  /** Password that the role `faultline_replication` gets; it may change from run to run. Without it the role keeps its own. */
  readonly replicationPassword?: string
}

/** Any number, the same for everyone who migrates: the lock that keeps two runs apart. */
const migrationLock = 7_400_001

const historyTable = `create table if not exists faultline_migrations (
  name text primary key,
  checksum text not null,
  applied_at timestamptz not null default now()
)`

/**
 * Brings the schema up to date: each missing migration in one transaction, in order, under an advisory lock. Safe to repeat
 * and to run twice at once. Also sets the replication role's password, if given, and makes the partitions of the coming months.
 * Returns the names of the migrations applied now.
 * @throws FaultlineError MIGRATION_CONFLICT (an applied file was changed or is unknown here), DATABASE_UNAVAILABLE,
 *   CONFIG_INVALID
 */
export async function migratePostgres(options: MigrateOptions): Promise<readonly string[]> {
  const migrations = await readMigrations(postgresMigrationsFolder)
  const client = new Client({
    connectionString: options.databaseUrl,
    application_name: 'faultline-migrate',
  })
  try {
    await client.connect()
    await client.query('select pg_advisory_lock($1)', [migrationLock])
    const applied = await applyMissing(client, migrations)
    if (options.replicationPassword !== undefined) {
      const password = client.escapeLiteral(options.replicationPassword)
      await client.query(`alter role ${replication.role} password ${password}`)
    }
    await client.query(
      `select faultline_ensure_partitions(now() - interval '1 month', now() + interval '3 months')`,
    )
    return applied
  } catch (error) {
    throw fromPostgres(error)
  } finally {
    await client.end()
  }
}

async function applyMissing(
  client: Client,
  migrations: readonly Migration[],
): Promise<readonly string[]> {
  await client.query(historyTable)
  const { rows } = await client.query<{ name: string; checksum: string }>(
    'select name, checksum from faultline_migrations order by name',
  )
  const missing = planMigrations(migrations, new Map(rows.map((row) => [row.name, row.checksum])))
  for (const { name, sql, checksum } of missing) {
    await client.query('begin')
    await client.query(sql)
    await client.query('insert into faultline_migrations (name, checksum) values ($1, $2)', [
      name,
      checksum,
    ])
    await client.query('commit')
  }
  return missing.map(({ name }) => name)
}
