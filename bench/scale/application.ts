import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { environment as names } from '@faultline/contracts/environment'
import { appNodeOptions } from '@faultline/stack/apps'
import { processorSeconds } from '../end-to-end/processor-time.ts'
import { project, type Environment } from '../back-ends.ts'

/** What Node compiled, as the stack keeps it: the first start of an application fills it. */
const compileCache = mkdtempSync(join(tmpdir(), 'faultline-compiled-'))
const running = new Set<ChildProcess>()
// Also where the bench fails: nobody else would end them.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
  rmSync(compileCache, { recursive: true, force: true })
})

const firstPort = 23_600
const ports = 200
let started = 0

const readyLimitMs = 240_000
const pollMs = 10
const printedMax = 16_000

/** With it, a process collects garbage when it is told to by SIGUSR2, so that what is left is what it needs. */
export const collectable = [
  '--expose-gc',
  '--import=data:text/javascript,process.on("SIGUSR2",()=>{globalThis.gc()})',
]

export interface Memory {
  readonly rssMb: number
  /** Of JavaScript's objects. */
  readonly heapMb: number
  /** Of buffers, which lie outside the heap. */
  readonly externalMb: number
}

/** An application or one of its tools, started as the stack would start it. */
export class Application {
  readonly pid: number
  readonly #child: ChildProcess
  readonly #port: number
  readonly #startedMs = performance.now()
  /** The last of what it has printed, by stream. */
  readonly #printed = { stdout: '', stderr: '' }

  /** @param program below apps, as `enricher/src/main.ts` */
  constructor(
    program: string,
    env: Environment,
    {
      nodeOptions = [],
      args = [],
    }: Partial<Record<'nodeOptions' | 'args', readonly string[]>> = {},
  ) {
    started += 1
    this.#port = firstPort + (started % ports)
    const listen = `127.0.0.1:${this.#port}`
    this.#child = spawn(
      process.execPath,
      [...appNodeOptions, ...nodeOptions, join(project, 'apps', program), ...args],
      {
        env: {
          ...{ PATH: process.env['PATH'], NODE_COMPILE_CACHE: compileCache, LOG_LEVEL: 'error' },
          ...env,
          [names.opsListen]: listen,
          [names.apiListen]: listen,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
    this.pid = this.#child.pid ?? 0
    running.add(this.#child)
    this.#child.once('exit', () => running.delete(this.#child))
    for (const name of ['stdout', 'stderr'] as const) {
      this.#child[name]?.on('data', (chunk: Buffer) => {
        this.#printed[name] = (this.#printed[name] + chunk.toString()).slice(-printedMax)
      })
    }
  }

  /** Milliseconds from its start until /readyz says that it is. */
  async ready(): Promise<number> {
    while (performance.now() - this.#startedMs < readyLimitMs) {
      this.assertRunning()
      const answer = await fetch(`http://127.0.0.1:${this.#port}/readyz`).catch(() => null)
      await answer?.arrayBuffer()
      if (answer?.ok === true) return performance.now() - this.#startedMs
      await delay(pollMs)
    }
    throw this.#failure('did not become ready')
  }

  /** @throws Error with its last words, where it has ended */
  assertRunning(): void {
    const { exitCode, signalCode } = this.#child
    if (exitCode === null && signalCode === null) return
    throw this.#failure('ended')
  }

  async cpuSeconds(): Promise<number> {
    const seconds = await processorSeconds(new Map([['it', this.pid]]))
    return seconds.get('it') ?? Number.NaN
  }

  async rssMb(): Promise<number> {
    return Math.round((await residentBytes(this.pid)) / 1e6)
  }

  /** What it needs after a collection of garbage; it has to be started with `collectable`. */
  async memory(): Promise<Memory> {
    // Twice: what a first collection finds out about buffers, a second gives back.
    for (let n = 0; n < 2; n += 1) {
      process.kill(this.pid, 'SIGUSR2')
      await delay(1_500)
    }
    const text = await (await fetch(`http://127.0.0.1:${this.#port}/metrics`)).text()
    const megabytes = (name: string) =>
      Math.round(Number(new RegExp(`^${name} (.+)$`, 'm').exec(text)?.[1]) / 1e6)
    return {
      rssMb: await this.rssMb(),
      heapMb: megabytes('nodejs_heap_size_used_bytes'),
      externalMb: megabytes('nodejs_external_memory_bytes'),
    }
  }

  /** What it has printed, where it ends by itself and well. */
  async output(): Promise<string> {
    const [code] = await this.#ended()
    if (code !== 0) throw this.#failure(`ended with ${code}`)
    return this.#printed.stdout
  }

  async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const ended = this.#ended()
    this.#child.kill(signal)
    await ended
  }

  #failure(what: string): Error {
    const { stdout, stderr } = this.#printed
    return new Error(`process ${this.pid} ${what}:\n${stdout}\n${stderr}`)
  }

  async #ended(): Promise<[number | null]> {
    const { exitCode, signalCode } = this.#child
    if (exitCode !== null || signalCode !== null) return [exitCode]
    return (await once(this.#child, 'close')) as [number | null]
  }
}

/** Zero for a process that has ended. */
async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'latin1').catch(() => '')
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1_024
}
