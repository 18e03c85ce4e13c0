/**
 * GET /api/devices/:id, with validation, as_of and ETag, beside two servers that answer with the same hash of the same Redis: webdis (C, two
 * threads) and a bare node:http handler (bench/api/bare-handler.ts). wrk asks each in turn over 32 connections, once for one device and
 * once for a thousand in turn. Redis is its own; it and wrk share the processors with the server that is asked. Needs wrk and webdis.
 * Prints one line for each round and ends with one line of JSON. --profile keeps a .cpuprofile of the API for `npm run flame`.
 *
 *   npm run bench:api -- [--runs 5] [--seconds 5] [--profile FOLDER]
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startBackEnd } from '../test/support/one-back-end.ts'
import { fillRedis } from './api/fill.ts'
import { startApi, startBareHandler, startWebdis, type Server } from './api/servers.ts'
import { wrk } from './api/wrk.ts'
import { processorSeconds } from './end-to-end/processor-time.ts'
import { median, ratios, spread } from './statistics.ts'
import { print } from './running-product.ts'

const { values: options } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '5' },
    profile: { type: 'string' },
  },
})
const runs = Number(options.runs)
const seconds = Number(options.seconds)
const devices = 1_000
const workloads = { one_device: 1, thousand_devices: devices } as const
type Workload = keyof typeof workloads
const names = ['api', 'webdis', 'bare handler'] as const
type Name = (typeof names)[number]

interface Measured {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Processor time of the server and of Redis, µs a request. */
  readonly serverUs: number
  readonly redisUs: number
}

requirePrograms()
const folder = mkdtempSync(join(tmpdir(), 'faultline-bench-'))
const redis = await startBackEnd('redis')
const servers: Server[] = []
try {
  const redisPid = await fillRedis(redis.url, devices)
  const place = (port: number) => ({ redisUrl: redis.url, folder, port: redis.portBase + port })
  const { profile } = options
  const profiler = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]
  servers.push(await startApi(place(0), profiler))
  servers.push(await startWebdis(place(8)))
  servers.push(await startBareHandler(place(9)))
  print(JSON.stringify(await compare(redisPid)))
} finally {
  for (const server of servers) await server.stop()
  await redis[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
}

function requirePrograms(): void {
  const missing = ['wrk', 'webdis'].filter((program) => {
    try {
      execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' })
      return false
    } catch {
      return true
    }
  })
  if (missing.length === 0) return
  process.stderr.write(
    `Install ${missing.join(' and ')} first: on Debian and Ubuntu, apt-get install ${missing.join(' ')}.\n`,
  )
  process.exit(2)
}

async function compare(redisPid: number) {
  // Compiled code and connections first.
  for (const server of servers) await measure({ server, redisPid, workload: 'thousand_devices' })
  const found = {
    one_device: await rounds('one_device', redisPid),
    thousand_devices: await rounds('thousand_devices', redisPid),
  }
  const { ratio, spread, ...rest } = found.one_device
  return {
    bench: 'api',
    unit: 'requests a second',
    ours: rest.api.per_second,
    peer: rest.webdis.per_second,
    peer_is: 'webdis',
    ratio: ratio.webdis,
    runs,
    spread: spread.webdis,
    ...found,
    machine: { processors: availableParallelism(), load: loadavg()[0] },
  }
}

async function rounds(workload: Workload, redisPid: number) {
  const all: Record<Name, Measured[]> = { api: [], webdis: [], 'bare handler': [] }
  for (let run = 0; run < runs; run += 1) {
    for (const server of servers) {
      all[nameOf(server)].push(await measure({ server, redisPid, workload }))
    }
    const last = names.map((name) => `${name} ${describe(all[name].at(-1))}`)
    print(`${workload}, round ${run + 1}: ${last.join('; ')}`)
  }
  const perSecond = (name: Name) => all[name].map((measured) => measured.perSecond)
  const against = (peer: Name) => ratios(perSecond('api'), perSecond(peer))
  const [webdis, bare] = [against('webdis'), against('bare handler')]
  return {
    ratio: { webdis: median(webdis), bare_handler: median(bare) },
    spread: { webdis: spread(webdis), bare_handler: spread(bare) },
    api: summary(all.api),
    webdis: summary(all.webdis),
    bare_handler: summary(all['bare handler']),
  }
}

function nameOf({ name }: Server): Name {
  return names.find((known) => known === name) ?? 'api'
}

interface Question {
  readonly server: Server
  readonly redisPid: number
  readonly workload: Workload
}

async function measure({ server, redisPid, workload }: Question): Promise<Measured> {
  const pids = new Map([
    ['server', server.pid],
    ['redis', redisPid],
  ])
  const before = await processorSeconds(pids)
  const load = await wrk({ ...server, devices: workloads[workload], seconds })
  const after = await processorSeconds(pids)
  const microseconds = (name: string) =>
    (((after.get(name) ?? 0) - (before.get(name) ?? 0)) / load.requests) * 1e6
  return { ...load, serverUs: microseconds('server'), redisUs: microseconds('redis') }
}

function describe(measured: Measured | undefined): string {
  if (measured === undefined) return ''
  const { perSecond, p99Ms, serverUs, redisUs } = measured
  return `${Math.round(perSecond)}/s, p99 ${p99Ms.toFixed(1)} ms, ${serverUs.toFixed(0)} + ${redisUs.toFixed(0)} µs`
}

function summary(measured: readonly Measured[]) {
  const of = (key: keyof Measured) => median(measured.map((one) => one[key]))
  return {
    per_second: of('perSecond'),
    p50_ms: of('p50Ms'),
    p99_ms: of('p99Ms'),
    p99_spread: spread(measured.map(({ p99Ms }) => p99Ms)),
    server_us: of('serverUs'),
    redis_us: of('redisUs'),
  }
}
