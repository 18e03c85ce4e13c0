import { FaultlineError, messageOf } from '@faultline/runtime/errors'
import type { Terminal } from './terminal.ts'

/** 0 done, 1 it did not work, 2 the command line or the environment cannot be understood. */
export function exitCodeOf(error: unknown): number {
  const usage = error instanceof FaultlineError && error.code === 'ARGUMENT_INVALID'
  return usage ? 2 : 1
}

/** One sentence with what and why, one with the remedy. What is not ours shows its stack: it is a mistake in the program. */
export function complainAbout(terminal: Terminal, error: unknown): void {
  if (error instanceof FaultlineError) {
    terminal.complain(`${terminal.red('faultline:')} ${error.message}`)
    if (error.remedy !== undefined) terminal.complain(`  ${error.remedy}`)
    return
  }
  const detail = error instanceof Error ? (error.stack ?? error.message) : messageOf(error)
  terminal.complain(`${terminal.red('faultline:')} unexpected: ${detail}`)
}
