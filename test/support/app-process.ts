import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { mkdirSync } from 'node:fs'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'

interface AppSettings {
  /** Name of the folder in apps. */
  readonly app: string
  readonly databaseUrl: string
  /** Holds `points` for failpoints. */
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
  /** Whether to wait until it is ready: where it is to die or to wait, not. */
  readonly ready: boolean
}

/** An application as the supervisor would start it. */
export class AppProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #port: number
  #log = ''

  private constructor(child: ChildProcess, port: number) {
    this.#child = child
    this.#port = port
    child.stdout?.on('data', (text: Buffer) => (this.#log += text.toString()))
    child.stderr?.on('data', (text: Buffer) => (this.#log += text.toString()))
  }

  static async start(settings: AppSettings): Promise<AppProcess> {
    const { app, databaseUrl, folder, env, ready } = settings
    const main = resolve(import.meta.dirname, '../../apps', app, 'src/main.ts')
    const port = await freePort()
    const points = join(folder, 'points')
    mkdirSync(points, { recursive: true })
    const child = spawn(process.execPath, [main], {
      env: {
        ...process.env,
        DATABASE_URL: databaseUrl,
        OPS_LISTEN: `127.0.0.1:${port}`,
        FAULTLINE_FAILPOINTS: points,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const started = new AppProcess(child, port)
    if (ready) {
      await eventually(async () => {
        const { status, body } = await started.readiness()
        if (status !== 200) throw new Error(body)
      })
    }
    return started
  }

  /** What it has printed. */
  get log(): string {
    return this.#log
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  async readiness(): Promise<{ status: number; body: string }> {
    const response = await fetch(`http://127.0.0.1:${this.#port}/readyz`)
    return { status: response.status, body: await response.text() }
  }

  async metrics(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.#port}/metrics`)).text()
  }

  /** Resolves with the exit code or the signal that ended it. */
  async ended(): Promise<number | string | null> {
    if (!this.hasEnded) await once(this.#child, 'exit')
    return this.#child.exitCode ?? this.#child.signalCode
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<number | string | null> {
    this.#child.kill(signal)
    return this.ended()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }
}
