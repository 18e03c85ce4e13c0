import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { migrateClickhouse } from '@faultline/runtime/clickhouse'
import type { ProcessSpec } from '../process-spec.ts'
import { loopback, type BackEndContext, type BackEndService } from './back-end.ts'
import { httpCheck, waitUntilServing } from './wait-until-serving.ts'

const serverProgram = fileURLToPath(new URL('../clickhouse-server/main.ts', import.meta.url))

/** @param url without the database's path, as CLICKHOUSE_URL has it */
export function clickhouseService(url: string): BackEndService {
  const ping = new URL('/ping', url)
  // It asks for no password, and fetch refuses an address that holds one.
  ping.username = ''
  ping.password = ''
  const check = httpCheck(ping.href, (body) => body === 'Ok.\n')
  return {
    ready: (signal, report) => waitUntilServing(check, signal, report),
    afterReady: async () => {
      await migrateClickhouse({ clickhouseUrl: url })
    },
  }
}

export async function clickhouseSpec(context: BackEndContext): Promise<ProcessSpec> {
  const { folders, ports, env } = context
  const data = folders.data('clickhouse')
  await mkdir(data, { recursive: true })
  return {
    name: 'clickhouse',
    kind: 'back-end',
    needs: [],
    command: process.execPath,
    args: [serverProgram],
    env: {
      ...env,
      CLICKHOUSE_LISTEN: `${loopback}:${ports.clickhouse}`,
      CLICKHOUSE_DATA: data,
    },
    cwd: data,
    ...clickhouseService(`http://${loopback}:${ports.clickhouse}`),
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 30_000,
    ports: [ports.clickhouse],
  }
}
