import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync } from 'node:fs'
import { messageOf, systemCode } from '@faultline/runtime/errors'
import type { ProcessSpec } from '../process-spec.ts'
import type { LogFile } from './log-file.ts'
import {
  initialMachine,
  transition,
  type ProcessEvent,
  type ProcessMachine,
  type ProcessPolicy,
  type ProcessState,
} from './process-machine.ts'

/** One line of `faultline status`. */
export interface ProcessStatus {
  readonly name: string
  readonly kind: ProcessSpec['kind']
  readonly pid: number | null
  readonly state: ProcessState
  readonly restarts: number
  /** Deaths in a row; three or more is a crash loop. */
  readonly deaths: number
  /** Epoch milliseconds of the last change of state. */
  readonly since: number
  /** How the last child ended, or null: `exit code 1`, `SIGKILL`, `ENOENT`. */
  readonly lastExit: string | null
  /** What the readiness check last complained about, while starting. */
  readonly detail: string | null
}

export interface ProcessObserver {
  /** Called after each change of state. */
  changed(status: ProcessStatus): void
  spawned(pid: number): void
  /** The child is gone, and what was left of its process group with it. */
  gone(): void
}

/**
 * Carries out what process-machine.ts decides: spawns the child in a process group of its own (so that Ctrl-C in a terminal
 * reaches the supervisor alone, which then stops in order), sends signals, runs the readiness check and the one timer.
 */
export class SupervisedProcess {
  readonly spec: ProcessSpec
  readonly #policy: ProcessPolicy
  readonly #log: LogFile
  readonly #observer: ProcessObserver
  #machine: ProcessMachine = initialMachine
  #child: ChildProcess | undefined
  #timer: NodeJS.Timeout | undefined
  /** Aborts the preparation and the readiness check of the present run. */
  #run = new AbortController()
  #failure: unknown
  #since = Date.now()
  #lastExit: string | null = null
  #detail: string | null = null

  constructor(options: {
    spec: ProcessSpec
    policy: ProcessPolicy
    log: LogFile
    observer: ProcessObserver
  }) {
    this.spec = options.spec
    this.#policy = options.policy
    this.#log = options.log
    this.#observer = options.observer
  }

  get state(): ProcessState {
    return this.#machine.state
  }

  /** What the preparation of the last run failed with, if that is how it ended. */
  get failure(): unknown {
    return this.#failure
  }

  get log(): LogFile {
    return this.#log
  }

  status(): ProcessStatus {
    return {
      name: this.spec.name,
      kind: this.spec.kind,
      pid: this.#child?.pid ?? null,
      state: this.#machine.state,
      restarts: this.#machine.restarts,
      deaths: this.#machine.deaths,
      since: this.#since,
      lastExit: this.#lastExit,
      detail: this.#machine.state === 'starting' ? this.#detail : null,
    }
  }

  dispatch(event: ProcessEvent): void {
    const before = this.#machine.state
    const { machine, action, timer } = transition(this.#machine, event, this.#policy)
    this.#machine = machine
    if (timer !== 'keep') this.#arm(timer.ms)
    if (machine.state !== 'starting') this.#run.abort()
    if (machine.state !== before) this.#since = Date.now()
    if (action === 'spawn') this.#spawn()
    else if (action === 'signal') this.#child?.kill(this.spec.stopSignal)
    else if (action === 'kill') this.#killGroup()
    if (machine.state !== before) this.#observer.changed(this.status())
  }

  #arm(ms: number | undefined): void {
    clearTimeout(this.#timer)
    this.#timer =
      ms === undefined
        ? undefined
        : setTimeout(() => {
            this.dispatch('timer')
          }, ms)
  }

  /** One run is the preparation and the child; it ends with `exited`, whichever of the two ends it. */
  #spawn(): void {
    const run = new AbortController()
    this.#run = run
    this.#detail = null
    this.#failure = undefined
    const { prepare } = this.spec
    if (prepare === undefined) {
      this.#spawnChild()
      return
    }
    prepare(run.signal).then(
      () => {
        if (run.signal.aborted) this.#ended('stopped while it was prepared')
        else this.#spawnChild()
      },
      (error: unknown) => {
        this.#failure = error
        this.#ended(messageOf(error))
      },
    )
  }

  #spawnChild(): void {
    const { command, args, cwd, env, user } = this.spec
    let output: number | undefined
    try {
      output = this.#log.open()
      const child = spawn(command, args, {
        cwd,
        env,
        detached: true,
        stdio: ['ignore', output, output],
        ...(user ?? {}),
      })
      this.#child = child
      child.once('error', (error) => {
        // Emitted for a failed spawn, and for a failed kill of a child that lives: only the first ends it.
        if (child.pid === undefined) this.#ended(systemCode(error) ?? messageOf(error))
      })
      child.once('exit', (code, signal) => {
        this.#ended(signal ?? `exit code ${code ?? 'unknown'}`)
      })
      if (child.pid !== undefined) this.#observer.spawned(child.pid)
      this.#watchReadiness()
    } catch (error) {
      // The log cannot be opened, or the arguments are refused: it ends like a child that died at once.
      const reason = systemCode(error) ?? messageOf(error)
      setImmediate(() => {
        this.#ended(reason)
      })
    } finally {
      if (output !== undefined) closeSync(output)
    }
  }

  #watchReadiness(): void {
    const signal = this.#run.signal
    const report = (reason: string): void => {
      if (!signal.aborted) this.#detail = reason
    }
    this.spec.ready(signal, report).then(
      () => {
        if (!signal.aborted) this.dispatch('ready')
      },
      (error: unknown) => {
        if (signal.aborted) return
        this.#detail = messageOf(error)
        this.dispatch('unready')
      },
    )
  }

  #ended(reason: string): void {
    this.#killGroup()
    this.#child = undefined
    this.#lastExit = reason
    this.#observer.gone()
    this.dispatch('exited')
  }

  /** SIGKILL to the whole group, so that nothing a child has spawned outlives it. */
  #killGroup(): void {
    const pid = this.#child?.pid
    if (pid === undefined) return
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // The group is empty.
    }
  }
}
