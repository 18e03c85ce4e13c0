import { FaultlineError, isFaultlineError, messageOf } from '../errors/index.ts'
import type { ProcessHost } from './run-process.ts'

/**
 * Runs a one-off program and ends the process with the exit code it resolves to. Ctrl-C and SIGTERM abort its signal, a
 * second one ends it at once. An error is two lines for people: what happened, and what to do; the exit code is 2 where the
 * arguments or the settings are wrong, otherwise 1.
 */
export function runTool(
  work: (signal: AbortSignal) => Promise<number>,
  host: ProcessHost = process,
  complain: (line: string) => void = (line) => process.stderr.write(`${line}\n`),
): void {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    host.on(signal, () => {
      if (controller.signal.aborted) host.exit(1)
      controller.abort()
    })
  }
  const run = async (): Promise<number> => await work(controller.signal)
  run().then(
    (exitCode) => host.exit(exitCode),
    (error: unknown) => {
      for (const line of describeFailure(error)) complain(line)
      const usage =
        isFaultlineError(error, 'ARGUMENT_INVALID') || isFaultlineError(error, 'CONFIG_INVALID')
      host.exit(usage ? 2 : 1)
    },
  )
}

function describeFailure(error: unknown): readonly string[] {
  if (error instanceof FaultlineError) {
    const remedy = error.remedy === undefined ? [] : [`  ${error.remedy}`]
    return [`faultline: ${error.message}`, ...remedy]
  }
  // What is not ours is a mistake in the program, and shows where.
  const detail = error instanceof Error ? (error.stack ?? error.message) : messageOf(error)
  return [`faultline: unexpected: ${detail}`]
}
