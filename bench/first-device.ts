/**
 * From a fresh clone to the first ranked device: clones this repository into a new folder, runs the README's two steps there
 * (the stack in the background), and waits until the API ranks a device. With --cold, npm, Maven and Faultline begin with
 * empty caches.
 *
 *   npm run bench:first-device [-- --cold]
 */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { print } from './running-product.ts'

const portBase = 19_400
const limitMs = 600_000
const isCold = process.argv.includes('--cold')
const folder = await mkdtemp(join(tmpdir(), 'faultline-first-'))
const clone = join(folder, 'faultline')

const emptyCaches = {
  npm_config_cache: join(folder, 'npm'),
  MAVEN_OPTS: `-Dmaven.repo.local=${join(folder, 'm2')}`,
  FAULTLINE_CACHE: join(folder, 'cache'),
}
const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('npm_'))
const env = { ...Object.fromEntries(inherited), ...(isCold ? emptyCaches : {}) }

async function run(command: string, args: readonly string[], cwd: string): Promise<void> {
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'ignore', 'inherit'] })
  const code = await new Promise((done) => child.once('exit', done))
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${String(code)}`)
}

async function firstRanked(): Promise<string> {
  const deadline = performance.now() + limitMs
  while (performance.now() < deadline) {
    try {
      const response = await fetch(`http://127.0.0.1:${portBase}/api/faults/top?limit=1`)
      const { devices } = (await response.json()) as { devices?: { device_id: string }[] }
      if (devices?.[0] !== undefined) return devices[0].device_id
    } catch {
      // The API is not up yet.
    }
    await delay(50)
  }
  throw new Error('no device was ranked')
}

const started = performance.now()
const since = () => `${((performance.now() - started) / 1_000).toFixed(1)} s`
try {
  await run('git', ['clone', '--quiet', resolve(import.meta.dirname, '..'), clone], folder)
  await run('npm', ['ci', '--silent'], clone)
  print(`${since()}: npm ci is done (${isCold ? 'empty' : 'filled'} caches)`)
  const up = run('npx', ['faultline', 'up', '--detach', '--port-base', String(portBase)], clone)
  const [deviceId] = await Promise.all([firstRanked(), up])
  print(`${since()}: ${deviceId} is the first ranked device`)
} finally {
  await run('npx', ['faultline', 'down'], clone).catch(() => undefined)
  await rm(folder, { recursive: true, force: true })
}
