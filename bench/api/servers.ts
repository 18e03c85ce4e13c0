import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { environment as names } from '@faultline/contracts/environment'
import { eventually } from '../../test/support/eventually.ts'
import { project } from '../back-ends.ts'

/** Something that answers with a device's hash. */
export interface Server {
  readonly name: string
  readonly pid: number
  readonly origin: string
  /** What comes before a device's id in the address. */
  readonly prefix: string
  stop(): Promise<void>
}

interface Place {
  readonly redisUrl: string
  /** A folder for what a server needs to have written down. */
  readonly folder: string
  readonly port: number
}

const node = (...args: string[]) =>
  [process.execPath, ['--disable-warning=TimeoutNegativeWarning', ...args]] as const
const elsewhere = 'http://127.0.0.1:1'

/** The API as the stack starts it, with its ordinary settings; nothing asks for the history, so ClickHouse is not there. */
export function startApi({ redisUrl, port }: Place, nodeOptions: readonly string[]) {
  const [program, args] = node(...nodeOptions, join(project, 'apps', 'api', 'src', 'main.ts'))
  const child = spawn(program, args, {
    env: {
      PATH: process.env['PATH'],
      [names.apiListen]: `127.0.0.1:${port}`,
      [names.redisUrl]: redisUrl,
      [names.clickhouseUrl]: elsewhere,
    },
    stdio: 'ignore',
  })
  return answering('api', child, port, '/api/devices/')
}

export function startBareHandler({ redisUrl, port }: Place) {
  const [program, args] = node(join(import.meta.dirname, 'bare-handler.ts'), redisUrl, String(port))
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  return answering('bare handler', child, port, '/device_summary:')
}

/** As Debian configures it (two threads), but for addresses and the log. */
export function startWebdis({ redisUrl, folder, port }: Place) {
  const redis = new URL(redisUrl)
  const config = join(folder, 'webdis.json')
  const settings = {
    ...{
      redis_host: redis.hostname,
      redis_port: Number(redis.port),
      redis_auth: null,
      database: 0,
    },
    ...{ http_host: '127.0.0.1', http_port: port, threads: 2, daemonize: false },
    ...{ verbosity: 1, logfile: join(folder, 'webdis.log') },
  }
  writeFileSync(config, JSON.stringify(settings))
  const child = spawn('webdis', [config], { stdio: 'ignore' })
  return answering('webdis', child, port, '/HGETALL/device_summary:')
}

async function answering(
  name: string,
  child: ChildProcess,
  port: number,
  prefix: string,
): Promise<Server> {
  const origin = `http://127.0.0.1:${port}`
  const ended = once(child, 'exit')
  const stop = async () => {
    child.kill('SIGTERM')
    await ended
  }
  try {
    await eventually(async () => {
      if (child.exitCode !== null) throw new Error(`${name} ended`)
      const { ok } = await fetch(`${origin}${prefix}AC-0000`)
      if (!ok) throw new Error(`${name} does not answer yet`)
    })
  } catch (error) {
    await stop()
    throw error
  }
  return { name, pid: child.pid ?? 0, origin, prefix, stop }
}
