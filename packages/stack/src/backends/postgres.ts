import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, chown, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { FaultlineError } from '@faultline/runtime/errors'
import { failpoint } from '@faultline/runtime/failpoints'
import { migratePostgres } from '@faultline/runtime/postgres'
import { probePostgres } from '@faultline/runtime/probes'
import type { ProcessSpec } from '../process-spec.ts'
import { loopback, type BackEndContext, type BackEndService } from './back-end.ts'
import { postgresBinaries } from './postgres-binaries.ts'
import { giveTo, postgresRunner, type PostgresRunner } from './postgres-runner.ts'
import { slotRoomMiB } from './slot-room.ts'
import { waitUntilServing } from './wait-until-serving.ts'

const superuser = 'faultline'
const database = 'faultline'

export function embeddedDatabaseUrl(port: number, password: string): string {
  return `postgresql://${superuser}:${password}@${loopback}:${port}/${database}`
}

export function postgresService(databaseUrl: string, replicationPassword: string): BackEndService {
  return {
    ready: (signal, report) => waitUntilServing(() => probePostgres(databaseUrl), signal, report),
    afterReady: async () => {
      await migratePostgres({ databaseUrl, replicationPassword })
    },
  }
}

export async function postgresSpec(context: BackEndContext): Promise<ProcessSpec> {
  const { folders, ports, credentials, env } = context
  const data = folders.data('postgres')
  await mkdir(folders.data(''), { recursive: true })
  const binaries = await postgresBinaries()
  const runner = await postgresRunner([data, join(binaries, 'postgres')])
  await createCluster({ context, data, binaries, runner })
  const settings = {
    port: String(ports.postgres),
    listen_addresses: loopback,
    // Everything connects by TCP, and the path of a socket may not be longer than 107 bytes.
    unix_socket_directories: '',
    wal_level: 'logical',
    max_wal_senders: '8',
    max_replication_slots: '8',
    max_connections: '100',
    shared_buffers: '256MB',
    max_wal_size: '2GB',
    max_slot_wal_keep_size: `${await slotRoomMiB(data)}MB`,
    log_timezone: 'UTC',
    timezone: 'UTC',
  }
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  return {
    name: 'postgres',
    kind: 'back-end',
    needs: [],
    ...runner.command(join(binaries, 'postgres'), ['-D', data, ...args]),
    env,
    cwd: data,
    ...postgresService(
      embeddedDatabaseUrl(ports.postgres, credentials.database),
      credentials.replication,
    ),
    // SIGINT is the fast shutdown: sessions are ended. SIGTERM would wait for them.
    stopSignal: 'SIGINT',
    stopTimeoutMs: 30_000,
    ports: [ports.postgres],
  }
}

/**
 * Passwords for everyone; nobody may copy the whole server (the `replication` of this file is physical replication only),
 * which the attribute of Debezium's role would otherwise allow it to.
 */
const hostAccess = `host replication all ${loopback}/32 reject
host all all ${loopback}/32 scram-sha-256
`

interface Cluster {
  readonly context: BackEndContext
  readonly data: string
  readonly binaries: string
  readonly runner: PostgresRunner
}

/** Makes the data folder when there is none, in a folder beside it: what is at `data` is always whole. */
async function createCluster(cluster: Cluster): Promise<void> {
  const { context, data, runner } = cluster
  const exists = await access(join(data, 'PG_VERSION')).then(
    () => true,
    () => false,
  )
  if (exists) {
    if (runner.owner !== undefined) await giveTo(runner.owner, data)
    return
  }
  const partial = `${data}.partial`
  const passwordFile = `${data}.password`
  await rm(data, { recursive: true, force: true })
  await rm(partial, { recursive: true, force: true })
  await mkdir(partial, { mode: 0o700 })
  try {
    await writeFile(passwordFile, context.credentials.database, { mode: 0o600 })
    if (runner.owner !== undefined) {
      await giveTo(runner.owner, partial)
      await chown(passwordFile, runner.owner.uid, runner.owner.gid)
    }
    await runOnce(cluster, 'initdb', [
      ...['-D', partial, '-U', superuser, `--pwfile=${passwordFile}`],
      ...['--auth=scram-sha-256', '--encoding=UTF8'],
      // PostgreSQL's own locale: the same order of text on every machine.
      ...['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
    ])
    failpoint('supervisor.data-half-made')
    await runOnce(cluster, 'postgres', ['--single', '-D', partial, 'postgres'], {
      input: `CREATE DATABASE ${database}\n`,
    })
    await writeFile(join(partial, 'pg_hba.conf'), hostAccess)
  } finally {
    await rm(passwordFile, { force: true })
  }
  await rename(partial, data)
}

async function runOnce(
  { context, binaries, runner }: Cluster,
  program: string,
  programArgs: readonly string[],
  options: { readonly input: string } = { input: '' },
): Promise<void> {
  const { command, args, user } = runner.command(join(binaries, program), programArgs)
  const child = spawn(command, args, { ...user, env: context.env, cwd: binaries })
  child.stdin.end(options.input)
  const [[exitCode], , errors] = (await Promise.all([
    once(child, 'close'),
    text(child.stdout),
    text(child.stderr),
  ])) as [[number | null], string, string]
  if (exitCode === 0) return
  const lastLine = errors.trimEnd().split('\n').at(-1) ?? ''
  throw new FaultlineError(
    'BACK_END_UNAVAILABLE',
    `${program} could not set PostgreSQL up: ${lastLine}`,
    {
      remedy: 'Check that the folder can be written and that the disk is not full.',
    },
  )
}
