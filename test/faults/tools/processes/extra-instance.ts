import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { environment as names } from '@faultline/contracts/environment'

const projectFolder = resolve(import.meta.dirname, '..', '..', '..', '..')

interface ExtraInstanceOptions {
  readonly app: 'enricher' | 'redis-consumer' | 'clickhouse-sink'
  /** What `faultline env` prints, by name; other settings too where the stack's differ from the defaults. */
  readonly addresses: Readonly<Record<string, string>>
  /** Port of its own for /readyz and /metrics. */
  readonly opsPort: number
  /** Gets what it prints; appended to. */
  readonly logFile: string
  /** `redirectOption`, `clockOption`. */
  readonly nodeOptions?: readonly string[]
  /** Folder of failpoints; one of its own keeps the stack's instance out of it. */
  readonly failpoints?: string
}

/** One more process of an application beside those of a running stack: a member of the same consumer group. */
export class ExtraInstance {
  readonly #options: ExtraInstanceOptions
  readonly #child: ChildProcess
  /** `SIGKILL`, or `exit code 1`. */
  readonly ended: Promise<string>

  private constructor(options: ExtraInstanceOptions, child: ChildProcess) {
    this.#options = options
    this.#child = child
    this.ended = once(child, 'exit').then(
      ([code, signal]) => (signal as string | null) ?? `exit code ${String(code)}`,
    )
  }

  /** Resolves when the process runs; see `isReady` for when it has joined its group. */
  static async start(options: ExtraInstanceOptions): Promise<ExtraInstance> {
    const output = openSync(options.logFile, 'a')
    const child = spawn(
      process.execPath,
      [join(projectFolder, 'apps', options.app, 'src', 'main.ts')],
      {
        cwd: projectFolder,
        env: {
          ...options.addresses,
          [names.opsListen]: `127.0.0.1:${options.opsPort}`,
          NODE_OPTIONS: (options.nodeOptions ?? []).join(' '),
          ...(options.failpoints === undefined ? {} : { [names.failpoints]: options.failpoints }),
        },
        stdio: ['ignore', output, output],
      },
    )
    closeSync(output)
    const instance = new ExtraInstance(options, child)
    await once(child, 'spawn')
    return instance
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Whether it owns a partition and works; false also while it does not answer. */
  async isReady(): Promise<boolean> {
    try {
      const url = `http://127.0.0.1:${this.#options.opsPort}/readyz`
      return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok
    } catch {
      return false
    }
  }

  /** What it printed, with whatever was in the file before. */
  log(): string {
    return readFileSync(this.#options.logFile, 'utf8')
  }

  pause(): void {
    this.#child.kill('SIGSTOP')
  }

  resume(): void {
    this.#child.kill('SIGCONT')
  }

  /** SIGKILL; also a paused one ends. Does nothing to one that has ended. */
  async kill(): Promise<string> {
    this.#child.kill('SIGKILL')
    return await this.ended
  }

  /** SIGTERM: it leaves its group in order. */
  async stop(): Promise<string> {
    this.#child.kill('SIGTERM')
    return await this.ended
  }
}
