import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { eventually } from '../../support/eventually.ts'
import { freePort } from '../../support/free-port.ts'

const program = join(
  resolve(import.meta.dirname, '..', '..', '..'),
  'apps',
  'api',
  'src',
  'main.ts',
)

export interface ApiProcess {
  readonly origin: string
  readonly pid: number
  /** Sends SIGTERM and gives the exit code. */
  stop(): Promise<number | null>
}

/** Runs the API as the supervisor does: its own process, told everything by the environment. */
export async function startApi(addresses: {
  readonly redisUrl: string
  readonly clickhouseUrl: string
  /** Where measurements go. */
  readonly databaseUrl?: string
}): Promise<ApiProcess> {
  const port = await freePort()
  const child = spawn(process.execPath, [program], {
    env: {
      PATH: process.env['PATH'],
      API_LISTEN: `127.0.0.1:${port}`,
      REDIS_URL: addresses.redisUrl,
      CLICKHOUSE_URL: addresses.clickhouseUrl,
      ...(addresses.databaseUrl === undefined ? {} : { DATABASE_URL: addresses.databaseUrl }),
      LOG_LEVEL: 'error',
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const exited = once(child, 'exit') as Promise<[number | null]>
  const origin = `http://127.0.0.1:${port}`
  await eventually(async () => {
    const { ok } = await fetch(`${origin}/healthz`)
    if (!ok) throw new Error('not up yet')
  })
  return {
    origin,
    pid: child.pid ?? 0,
    async stop() {
      child.kill('SIGTERM')
      const [code] = await exited
      return code
    },
  }
}
