import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { ProcessPolicy } from '@faultline/stack/supervisor'
import { RunFile, Supervisor } from '@faultline/stack/supervisor'
import type { ProcessSpec } from '@faultline/stack/process-spec'

export type Manner = 'serve' | 'die' | 'stubborn'

const program = join(import.meta.dirname, 'fake-program.mjs')

const quickPolicy: ProcessPolicy = {
  readyTimeoutMs: 10_000,
  stopTimeoutMs: 5_000,
  killTimeoutMs: 2_000,
  stableMs: 60_000,
  deathsBeforeFirstReady: undefined,
}

/** A folder for one test with processes that really run; `dispose` ends whatever is left of them. */
export class FakeStack {
  readonly folder: string
  readonly journalPath: string
  readonly #supervisors: Supervisor[] = []

  constructor(folder = mkdtempSync(join(tmpdir(), 'faultline-supervisor-'))) {
    this.folder = folder
    this.journalPath = join(folder, 'journal')
  }

  spec(
    name: string,
    options: { needs?: string[]; manner?: Manner; kind?: ProcessSpec['kind'] } = {},
  ): ProcessSpec {
    const readyFile = `${this.journalPath}.${name}.ready`
    return {
      name,
      kind: options.kind ?? 'back-end',
      needs: options.needs ?? [],
      command: process.execPath,
      args: [program, name, this.journalPath, options.manner ?? 'serve'],
      env: {},
      cwd: this.folder,
      prepare: () => {
        rmSync(readyFile, { force: true })
        return Promise.resolve()
      },
      ready: async (signal) => {
        while (!existsSync(readyFile)) await delay(10, undefined, { signal })
      },
      stopSignal: 'SIGTERM',
      stopTimeoutMs: 300,
      ports: [],
    }
  }

  supervisor(specs: readonly ProcessSpec[], policy: Partial<ProcessPolicy> = {}): Supervisor {
    const supervisor = new Supervisor(specs, {
      logFolder: this.folder,
      runFile: new RunFile(this.folder),
      policy: () => ({ ...quickPolicy, ...policy }),
      onChange: () => undefined,
    })
    this.#supervisors.push(supervisor)
    return supervisor
  }

  /** Events so far, oldest first: `name started`, `name stopped`. */
  journal(): string[] {
    if (!existsSync(this.journalPath)) return []
    return readFileSync(this.journalPath, 'utf8').trim().split('\n')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const supervisor of this.#supervisors) {
      supervisor.kill()
      await supervisor.stop()
    }
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Waits until `read` gives something `accept` takes; fails with the last value seen. */
export async function eventually<T>(
  read: () => T,
  accept: (value: T) => boolean,
  limitMs = 10_000,
): Promise<T> {
  const deadline = Date.now() + limitMs
  for (;;) {
    const value = read()
    if (accept(value)) return value
    if (Date.now() > deadline) {
      throw new Error(`not seen within ${limitMs} ms; last value: ${JSON.stringify(value)}`)
    }
    await delay(10)
  }
}
