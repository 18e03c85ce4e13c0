import { join } from 'node:path'
import { FaultlineError, messageOf } from '@faultline/runtime/errors'
import { failpoint } from '@faultline/runtime/failpoints'
import type { ProcessSpec } from '../process-spec.ts'
import { LogFile } from './log-file.ts'
import { lastLines } from './log-tail.ts'
import { identify } from './process-identity.ts'
import type { ProcessPolicy, ProcessState } from './process-machine.ts'
import { assertStartable, inStopOrder } from './process-order.ts'
import type { RunFile } from './run-file.ts'
import { SupervisedProcess, type ProcessStatus } from './supervised-process.ts'

export interface SupervisorOptions {
  readonly logFolder: string
  readonly runFile: RunFile
  readonly policy: (spec: ProcessSpec) => ProcessPolicy
  readonly onChange: (status: ProcessStatus) => void
  readonly logLimits?: { readonly maxBytes: number; readonly keep: number }
}

const defaultLogLimits = { maxBytes: 20 * 1024 * 1024, keep: 2 }
const logCheckMs = 1_000
const setUpAttempts = 3
/** Reached after 13 s of dying at every start. */
const hopelessDeaths = 8

/** How the product's processes are treated; tests use shorter times. */
export function defaultPolicy(spec: ProcessSpec): ProcessPolicy {
  const backEnd = spec.kind === 'back-end'
  return {
    // An app may have much to restore, and waits for its back ends: it is never stopped for taking long.
    readyTimeoutMs: backEnd ? 120_000 : undefined,
    stopTimeoutMs: spec.stopTimeoutMs,
    killTimeoutMs: 5_000,
    stableMs: 60_000,
    deathsBeforeFirstReady: backEnd ? 3 : undefined,
  }
}

/**
 * Runs the processes of a stack: each starts when what it needs serves, dies and is started anew, and stops after all
 * that need it. The rules of one process are in process-machine.ts.
 */
export class Supervisor {
  readonly #processes: ReadonlyMap<string, SupervisedProcess>
  readonly #waiting = new Set<() => void>()
  readonly #options: SupervisorOptions
  readonly #abort = new AbortController()
  #logTimer: NodeJS.Timeout | undefined
  #stopping: Promise<void> | undefined

  constructor(specs: readonly ProcessSpec[], options: SupervisorOptions) {
    assertStartable(specs)
    this.#options = options
    this.#processes = new Map(specs.map((spec) => [spec.name, this.#supervise(spec)]))
  }

  status(): readonly ProcessStatus[] {
    return [...this.#processes.values()].map((process) => process.status())
  }

  /**
   * Starts everything in the order of needs. Resolves when every back end serves and its set-up is done, and every app has
   * been started; apps are waited for with `untilAppsReady`.
   * @param onUp told of each process that came up: a back end with its set-up done, an app that is ready for the first time
   * @throws FaultlineError BACK_END_UNAVAILABLE with the last lines of the log; the reason of `stop` when stopped meanwhile
   */
  async start(onUp: (name: string, ms: number) => void = () => undefined): Promise<void> {
    this.#logTimer = setInterval(() => {
      failpoint('supervisor.running')
      this.#rotateLogs()
    }, logCheckMs)
    const available = new Map<string, Promise<void>>()
    const bringUp = (process: SupervisedProcess): Promise<void> => {
      const known = available.get(process.spec.name)
      if (known !== undefined) return known
      const needed = process.spec.needs.flatMap((name) => this.#processes.get(name) ?? [])
      const promise = Promise.all(needed.map(bringUp)).then(() => this.#bringUp(process, onUp))
      available.set(process.spec.name, promise)
      return promise
    }
    await Promise.all([...this.#processes.values()].map(bringUp))
  }

  /**
   * Waits until every app is ready, at most `limitMs`, and not for one that does nothing but die. Returns those that are not
   * ready, with what is known about the reason.
   */
  async untilAppsReady(limitMs: number): Promise<readonly ProcessStatus[]> {
    const notReady = () =>
      this.status().filter(({ kind, state }) => kind === 'app' && state !== 'running')
    const limit = AbortSignal.any([AbortSignal.timeout(limitMs), this.#abort.signal])
    const isHopeless = ({ deaths }: ProcessStatus) => deaths >= hopelessDeaths
    await this.#until(() => notReady().every(isHopeless), limit).catch(() => undefined)
    return notReady()
  }

  /** @throws FaultlineError NOT_FOUND */
  restart(name: string): void {
    const process = this.#processes.get(name)
    if (process === undefined) {
      throw new FaultlineError('NOT_FOUND', `the stack has no process "${name}"`, {
        remedy: `Its processes are ${[...this.#processes.keys()].join(', ')}.`,
      })
    }
    if (this.#stopping === undefined) process.dispatch('restart')
  }

  /** Stops everything, what needs others first. Idempotent: a second call joins the first. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll()
    return this.#stopping
  }

  /** Ends every child at once, without asking it. */
  kill(): void {
    for (const process of this.#processes.values()) process.dispatch('kill')
  }

  async #stopAll(): Promise<void> {
    this.#abort.abort(new FaultlineError('NOT_RUNNING', 'the stack was stopped while it started'))
    const all = [...this.#processes.values()].map((process) => ({
      name: process.spec.name,
      needs: process.spec.needs,
      process,
    }))
    await inStopOrder(all, async ({ process }) => {
      process.dispatch('stop')
      await this.#until(() => process.state === 'stopped' || process.state === 'failed')
      failpoint('supervisor.stopping')
    })
    clearInterval(this.#logTimer)
  }

  async #bringUp(
    process: SupervisedProcess,
    onUp: (name: string, ms: number) => void,
  ): Promise<void> {
    this.#abort.signal.throwIfAborted()
    const begin = performance.now()
    process.dispatch('start')
    const up = () => {
      onUp(process.spec.name, performance.now() - begin)
    }
    if (process.spec.kind === 'app') {
      // Nobody waits for this one: an abort only means that it will not come up any more.
      this.#until(() => process.state === 'running', this.#abort.signal).then(up, () => undefined)
      return
    }
    await this.#setUp(process)
    failpoint('supervisor.back-end-up')
    up()
  }

  async #setUp(process: SupervisedProcess): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      await this.#until(() => isSettled(process.state), this.#abort.signal)
      if (process.state !== 'running') throw this.#neverServed(process)
      const restarts = process.status().restarts
      try {
        await process.spec.afterReady?.(this.#abort.signal)
        return
      } catch (error) {
        this.#abort.signal.throwIfAborted()
        // The set-up is repeatable: it runs again when the process died under it, and only then.
        const now = process.status()
        const died = now.state !== 'running' || now.restarts !== restarts
        if (!died || attempt >= setUpAttempts) throw error
      }
    }
  }

  #neverServed(process: SupervisedProcess): FaultlineError {
    if (process.failure instanceof FaultlineError) return process.failure
    const { name, lastExit, deaths } = process.status()
    const tail = lastLines(process.log.path, 5)
    const said = tail.length === 0 ? '' : `; its log ends with:\n    ${tail.join('\n    ')}`
    return new FaultlineError(
      'BACK_END_UNAVAILABLE',
      `${name} ended ${deaths} times before it was ready (${lastExit ?? 'no exit seen'})${said}`,
      { remedy: `The whole log is ${process.log.path}.` },
    )
  }

  #supervise(spec: ProcessSpec): SupervisedProcess {
    const { runFile, logFolder, policy, onChange, logLimits } = this.#options
    const { name, stopSignal, stopTimeoutMs, needs } = spec
    return new SupervisedProcess({
      spec,
      policy: policy(spec),
      log: new LogFile(join(logFolder, `${name}.log`), logLimits ?? defaultLogLimits),
      observer: {
        changed: (status) => {
          onChange(status)
          for (const check of [...this.#waiting]) check()
        },
        spawned: (pid) => {
          const identity = identify(pid)
          if (identity !== undefined) {
            runFile.add({ name, identity, stopSignal, stopTimeoutMs, needs })
          }
        },
        gone: () => {
          runFile.remove(name)
        },
      },
    })
  }

  #until(condition: () => boolean, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiting.delete(check)
        reject(signal?.reason as Error)
      }
      const check = () => {
        if (!condition()) return
        this.#waiting.delete(check)
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }
      this.#waiting.add(check)
      if (signal?.aborted === true) onAbort()
      else {
        signal?.addEventListener('abort', onAbort, { once: true })
        check()
      }
    })
  }

  #rotateLogs(): void {
    for (const { log } of this.#processes.values()) {
      try {
        log.rotateIfLarge()
      } catch (error) {
        process.emitWarning(`cannot rotate ${log.path}: ${messageOf(error)}`)
      }
    }
  }
}

function isSettled(state: ProcessState): boolean {
  return state === 'running' || state === 'failed' || state === 'stopped'
}
