import { execFile } from 'node:child_process'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { TestConnection } from '../connection.ts'

const run = promisify(execFile)
const projectFolder = resolve(import.meta.dirname, '..', '..', '..')

interface CommandResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

type Env = Readonly<Record<string, string>>

/** Runs `faultline …` as a user would, for the stack in `home`. */
export async function faultline(
  home: string,
  args: readonly string[],
  env: Env = {},
): Promise<CommandResult> {
  const program = join(projectFolder, 'apps', 'cli', 'bin', 'faultline.mjs')
  try {
    const { stdout, stderr } = await run(process.execPath, [program, ...args], {
      cwd: projectFolder,
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], FAULTLINE_HOME: home, ...env },
      maxBuffer: 64 * 1024 * 1024,
    })
    return { code: 0, stdout, stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: unknown; stdout?: string; stderr?: string }
    if (typeof code !== 'number') throw error
    return { code, stdout: stdout ?? '', stderr: stderr ?? '' }
  }
}

/** The same, where anything but success fails the test with what the command said. */
export async function faultlineOk(
  home: string,
  args: readonly string[],
  env: Env = {},
): Promise<string> {
  const { code, stdout, stderr } = await faultline(home, args, env)
  if (code === 0) return stdout
  throw new Error(`faultline ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`)
}

/** The addresses that `faultline env` prints. */
function parseExports(text: string): ReadonlyMap<string, string> {
  const lines = text.matchAll(/^export (\w+)=(['"]?)(.*)\2$/gm)
  return new Map([...lines].map(([, name = '', , value = '']) => [name, value]))
}

export type ProductAddresses = TestConnection & { readonly apiUrl: string }

/** What `faultline env` prints for the stack in `home`. @throws Error naming what it does not print */
export async function printedAddresses(home: string): Promise<ProductAddresses> {
  const exports = parseExports(await faultlineOk(home, ['env']))
  const address = (name: string): string => {
    const value = exports.get(name)
    if (value === undefined) throw new Error(`faultline env prints no ${name}`)
    return value
  }
  return {
    databaseUrl: address('DATABASE_URL'),
    kafkaBootstrap: address('KAFKA_BOOTSTRAP'),
    schemaRegistryUrl: address('SCHEMA_REGISTRY_URL'),
    connectUrl: address('CONNECT_URL'),
    redisUrl: address('REDIS_URL'),
    clickhouseUrl: address('CLICKHOUSE_URL'),
    apiUrl: address('API_URL'),
  }
}
