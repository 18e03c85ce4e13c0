import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface Load {
  readonly origin: string
  /** What comes before a device's id in the address. */
  readonly prefix: string
  /** Asks for these devices in turn. */
  readonly devices: number
  readonly seconds: number
}

export interface Loaded {
  readonly requests: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

const connections = 32
const script = new URL('./devices.lua', import.meta.url).pathname

/** @throws Error where an answer was not 200, or a connection broke */
export async function wrk({ origin, prefix, devices, seconds }: Load): Promise<Loaded> {
  const settings = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '--latency']
  const args = [...settings, '-s', script, origin, '--', prefix, String(devices)]
  const { stdout } = await run('wrk', args)
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`${origin} failed:\n${stdout}`)
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1])
  const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1])
  return { requests, perSecond, p50Ms: latency(stdout, 50), p99Ms: latency(stdout, 99) }
}

const unitMs: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000 }

function latency(text: string, percent: number): number {
  const [, value, unit = ''] = new RegExp(`\\s${percent}%\\s+([\\d.]+)(us|ms|s)`).exec(text) ?? []
  return Number(value) * (unitMs[unit] ?? Number.NaN)
}
