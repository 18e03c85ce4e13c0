import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'

const program = resolve(import.meta.dirname, '../../packages/stack/src/clickhouse-server/main.ts')

/** An embedded ClickHouse of a test's own, in a new folder, to be killed and started again. */
export class ClickhouseProcess {
  readonly #folder = mkdtempSync(join(tmpdir(), 'faultline-clickhouse-'))
  readonly #port: number
  #child: ChildProcess | undefined

  private constructor(port: number) {
    this.#port = port
  }

  static async start(): Promise<ClickhouseProcess> {
    const server = new ClickhouseProcess(await freePort())
    try {
      await server.startAgain()
      return server
    } catch (error) {
      // The caller has nothing to remove.
      await server.remove()
      throw error
    }
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  get pid(): number {
    return this.#child?.pid ?? Number.NaN
  }

  async startAgain(): Promise<void> {
    this.#child = spawn(process.execPath, [program], {
      env: {
        ...process.env,
        CLICKHOUSE_LISTEN: `127.0.0.1:${this.#port}`,
        CLICKHOUSE_DATA: this.#folder,
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    await eventually(async () => {
      if (this.#child?.exitCode !== null) throw new Error('the server ended')
      const response = await fetch(`${this.url}/ping`)
      if (!response.ok) throw new Error(`status ${response.status}`)
    })
  }

  /** Starts a second server on the same folder and returns the exit code it ends with. */
  async startTwin(): Promise<number | null> {
    const twin = spawn(process.execPath, [program], {
      env: {
        ...process.env,
        CLICKHOUSE_LISTEN: `127.0.0.1:${await freePort()}`,
        CLICKHOUSE_DATA: this.#folder,
      },
      stdio: 'ignore',
    })
    const [code] = (await once(twin, 'exit')) as [number | null]
    return code
  }

  /** Ends the process without a word, as a power switch would end a program. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  async stop(): Promise<number | null> {
    const code = await this.#end('SIGTERM')
    return code
  }

  async remove(): Promise<void> {
    await this.#end('SIGKILL')
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child
    if (child === undefined) return null
    this.#child = undefined
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
    const ended = once(child, 'exit') as Promise<[number | null]>
    child.kill(signal)
    const [code] = await ended
    return code
  }
}
