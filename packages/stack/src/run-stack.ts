import { FaultlineError } from '@faultline/runtime/errors'
import { failpoint } from '@faultline/runtime/failpoints'
import { Scope } from '@faultline/runtime/lifecycle'
import { checkDisk, checkPorts } from './checks/index.ts'
import type { StackStatus } from './control/protocol.ts'
import { startControlServer } from './control/server.ts'
import { controlSocketPath } from './control/socket-path.ts'
import { deleteData, markHome, openHome } from './home.ts'
import { stopChildrenOfEndedSupervisor } from './leftovers.ts'
import { stackFolders } from './layout.ts'
import type { ProcessSpec } from './process-spec.ts'
import { step, type Report } from './stack-event.ts'
import {
  defaultPolicy,
  noteInSupervisorLog,
  RunFile,
  staleChildren,
  Supervisor,
  takeLock,
  type ProcessPolicy,
  type ProcessStatus,
} from './supervisor/index.ts'

/** What a stack consists of, decided once the home folder is ours: downloads happen here. */
export interface Composition {
  readonly specs: readonly ProcessSpec[]
  /** The environment that programs outside the stack connect with. */
  readonly environment: Readonly<Record<string, string>>
  /** Readiness and set-up of servers that are not ours: what must be done before anything starts, and what after. */
  readonly settleExternal?: (
    when: 'before start' | 'after start',
    signal: AbortSignal,
  ) => Promise<void>
}

export interface StackOptions {
  readonly home: string
  readonly portBase: number
  readonly pageUrl: string
  /** Delete the stored data before the start. */
  readonly fresh: boolean
  readonly compose: (signal: AbortSignal) => Promise<Composition>
  readonly report: Report
  /** Somebody asked for a stop through the control socket; the owner calls `stop`. */
  readonly onStopRequested: () => void
  readonly policy?: (spec: ProcessSpec) => ProcessPolicy
}

const crashLoopDeaths = 3

/**
 * One stack from its lock to its end: checks, leftovers of a killed supervisor, composition, ordered start, control socket.
 * The rules for a single process are in supervisor/; what the product consists of is decided by `compose`.
 */
export class Stack {
  readonly #options: StackOptions
  readonly #scope = new Scope()
  readonly #abort = new AbortController()
  #supervisor: Supervisor | undefined
  #environment: Readonly<Record<string, string>> = {}
  #phase: StackStatus['phase'] = 'starting'
  #starting: Promise<void> | undefined
  #stopping: Promise<void> | undefined

  constructor(options: StackOptions) {
    this.#options = options
  }

  /** What programs outside the stack connect with; empty before the composition is known. */
  get environment(): Readonly<Record<string, string>> {
    return this.#environment
  }

  status(): StackStatus {
    return {
      running: true,
      phase: this.#phase,
      home: this.#options.home,
      pageUrl: this.#options.pageUrl,
      supervisorPid: process.pid,
      processes: [...(this.#supervisor?.status() ?? [])],
      environment: { ...this.#environment },
    }
  }

  /**
   * Resolves when every back end serves and every app has been started. A failure stops what had started.
   * @throws FaultlineError ALREADY_RUNNING, HOME_UNUSABLE, DISK_FULL, PORT_TAKEN, BACK_END_UNAVAILABLE, NOT_RUNNING after a
   * stop, and what `compose` throws
   */
  async start(): Promise<void> {
    this.#starting = this.#bringUp()
    try {
      await this.#starting
    } catch (error) {
      // What a stop interrupts fails in its own words; the stop is the reason.
      const reason: unknown = this.#abort.signal.aborted ? this.#abort.signal.reason : error
      await this.stop()
      throw reason
    }
  }

  /** Waits for the apps, at most `limitMs`; returns those that are not ready. */
  untilAppsReady(limitMs: number): Promise<readonly ProcessStatus[]> {
    return this.#supervisor?.untilAppsReady(limitMs) ?? Promise.resolve([])
  }

  /** Stops everything in order and frees the home folder. Idempotent. */
  stop(): Promise<void> {
    this.#stopping ??= this.#bringDown()
    return this.#stopping
  }

  /** Ends every child at once; `stop` then has nothing left to wait for. */
  kill(): void {
    this.#supervisor?.kill()
  }

  async #bringUp(): Promise<void> {
    const { home, portBase, report, compose } = this.#options
    const folders = stackFolders(home)
    await step(report, 'checks', async () => {
      await openHome(home, portBase)
      await checkDisk(home)
      this.#lock(folders.run)
      await this.#openControl(controlSocketPath(folders.run))
      await stopChildrenOfEndedSupervisor(new RunFile(folders.run), (children) => {
        const text = `stopping what an ended supervisor left running: ${children.join(', ')}`
        report({ kind: 'notice', text })
      })
    })
    if (this.#options.fresh) await step(report, 'delete old data', () => deleteData(home))
    await markHome(home, portBase)
    this.#abort.signal.throwIfAborted()
    const { specs, environment, settleExternal } = await compose(this.#abort.signal)
    this.#environment = environment
    this.#abort.signal.throwIfAborted()
    await checkPorts(specs)
    await settleExternal?.('before start', this.#abort.signal)
    this.#abort.signal.throwIfAborted()
    await this.#supervise(specs)
    await settleExternal?.('after start', this.#abort.signal)
    this.#phase = 'running'
  }

  #lock(runFolder: string): void {
    const { pageUrl } = this.#options
    const controlSocket = controlSocketPath(runFolder)
    const release = takeLock(runFolder, { pageUrl, controlSocket })
    failpoint('supervisor.locked')
    this.#scope.defer('lock', () => {
      release()
      return Promise.resolve()
    })
  }

  #openControl(path: string): Promise<void> {
    return this.#scope.start('control', () =>
      startControlServer(path, {
        status: () => this.status(),
        stop: this.#options.onStopRequested,
        restart: (name) => {
          if (this.#supervisor === undefined) {
            throw new FaultlineError('NOT_FOUND', 'the stack has not started its processes yet')
          }
          this.#supervisor.restart(name)
        },
      }),
    )
  }

  async #supervise(specs: readonly ProcessSpec[]): Promise<void> {
    const { home, report } = this.#options
    const folders = stackFolders(home)
    const runFile = new RunFile(folders.run)
    const supervisor = new Supervisor(specs, {
      logFolder: folders.logs,
      runFile,
      policy: this.#options.policy ?? defaultPolicy,
      onChange: (status) => {
        this.#tell(status)
      },
    })
    this.#supervisor = supervisor
    this.#scope.defer('processes', async () => {
      await supervisor.stop()
      // What could not even be killed stays in the file for the next start to find.
      if (staleChildren(runFile.read()).length === 0) runFile.clear()
    })
    await supervisor.start((name, ms) => {
      report({ kind: 'finished', step: name, ms })
    })
  }

  #tell(status: ProcessStatus): void {
    const { name, state, lastExit, pid, restarts, deaths } = status
    const why = state === 'backing-off' || state === 'failed' ? `, ${lastExit ?? 'unknown'}` : ''
    noteInSupervisorLog(
      stackFolders(this.#options.home).logs,
      `${name} ${state} (process ${pid ?? '-'}, restarts ${restarts}${why})`,
    )
    if (state === 'starting' && restarts === 0) {
      this.#options.report({ kind: 'started', step: name })
    }
    if (state === 'backing-off' && deaths === 1) {
      const text = `${name} ended (${lastExit ?? 'no reason known'}); it is started again`
      this.#options.report({ kind: 'notice', text })
    }
    // A loop is told once; `faultline status` shows that it goes on.
    if (state === 'backing-off' && deaths === crashLoopDeaths) {
      const text = `${name} keeps ending (${lastExit ?? 'no reason known'}) and goes on being started; see \`faultline logs ${name}\``
      this.#options.report({ kind: 'notice', text })
    }
    if (state === 'failed') {
      this.#options.report({ kind: 'notice', text: `${name} failed (${lastExit ?? 'unknown'})` })
    }
  }

  async #bringDown(): Promise<void> {
    this.#phase = 'stopping'
    this.#abort.abort(new FaultlineError('NOT_RUNNING', 'the stack was stopped while it started'))
    // The supervisor refuses what would still start; a composition in flight ends by the signal.
    await this.#supervisor?.stop()
    await this.#starting?.catch(() => undefined)
    await this.#scope.stop()
  }
}
