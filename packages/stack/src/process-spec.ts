/** A child process as the supervisor sees it: how to start it, when it is ready, how to stop it. */
export interface ProcessSpec {
  readonly name: string
  readonly kind: 'back-end' | 'app'
  /** Names of the processes that must serve before this one starts; names that are not part of the stack are ignored. */
  readonly needs: readonly string[]
  /** Runs before each start: first set-up of a data folder. Must be repeatable. */
  readonly prepare?: (signal: AbortSignal) => Promise<void>
  readonly command: string
  readonly args: readonly string[]
  /** The whole environment of the child. */
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  /** Runs as this user; PostgreSQL refuses to run as root. */
  readonly user?: { readonly uid: number; readonly gid: number }
  /**
   * Resolves when the process serves, called after each start; rejects when the signal aborts. `report` takes what it still
   * waits for, in a few words, to be shown by `faultline status`.
   */
  readonly ready: (signal: AbortSignal, report: (reason: string) => void) => Promise<void>
  /** Runs once the process is ready for the first time in this `up`: migrations, topics, the connector. Must be repeatable. */
  readonly afterReady?: (signal: AbortSignal) => Promise<void>
  readonly stopSignal: NodeJS.Signals
  readonly stopTimeoutMs: number
  /** Loopback ports it listens on; checked to be free before the start. */
  readonly ports: readonly number[]
}
