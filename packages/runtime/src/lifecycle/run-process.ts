import { FaultlineError, isFaultlineError } from '../errors/index.ts'
import type { Logger } from '../logging/index.ts'
import { Scope } from './component.ts'

/** What an application's `start` gets: its scope, and the way to report that something in the background broke. */
export interface ProcessContext {
  readonly scope: Scope
  readonly logger: Logger
  /** Ends the process with exit code 1 after an orderly stop. The supervisor starts it anew. */
  fail(error: unknown): void
}

const stopDeadlineMs = 15_000

/** What is needed of `process`. */
export interface ProcessHost {
  on(event: string, listener: (argument: unknown) => void): unknown
  exit(code: number): unknown
}

/**
 * Runs an application until SIGTERM or SIGINT: start, wait, stop in reverse order. Exit 0 after a signal, 2 for a bad
 * configuration, 1 for anything else. An unknown error stops the process; a second signal ends it at once.
 */
export function runProcess(
  logger: Logger,
  start: (context: ProcessContext) => Promise<void>,
  host: ProcessHost = process,
): void {
  const scope = new Scope()
  let stopping = false
  const stop = (exitCode: number): void => {
    if (stopping) {
      if (exitCode === 0) host.exit(1)
      return
    }
    stopping = true
    setTimeout(() => {
      logger.error({ stopDeadlineMs }, 'not stopped in time; leaving')
      host.exit(1)
    }, stopDeadlineMs).unref()
    scope.stop().then(
      () => host.exit(exitCode),
      (error: unknown) => {
        logger.error({ err: error }, 'stopped with errors')
        host.exit(exitCode === 0 ? 1 : exitCode)
      },
    )
  }
  const fail = (error: unknown): void => {
    logger.fatal({ err: error, ...(error instanceof FaultlineError ? error.context : {}) }, 'fatal')
    stop(isFaultlineError(error, 'CONFIG_INVALID') ? 2 : 1)
  }
  host.on('SIGTERM', () => {
    stop(0)
  })
  host.on('SIGINT', () => {
    stop(0)
  })
  host.on('uncaughtException', fail)
  host.on('unhandledRejection', fail)
  // `start` may also throw at once, where it reads the configuration.
  const run = async (): Promise<void> => {
    await start({ scope, logger, fail })
  }
  run().catch(fail)
}
