import { join, resolve } from 'node:path'
import { environment as names } from '@faultline/contracts/environment'
import { Terminal } from './terminal.ts'

/** What every command needs from its process. */
export interface CliContext {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly terminal: Terminal
  readonly projectFolder: string
  /** The home folder of the stack that is meant. */
  readonly home: string
}

export function createContext(
  process: Pick<NodeJS.Process, 'env' | 'stdout' | 'stderr'>,
): CliContext {
  const projectFolder = resolve(import.meta.dirname, '..', '..', '..')
  const chosen = process.env[names.faultlineHome]
  return {
    env: process.env,
    terminal: new Terminal(process.stdout, process.stderr, process.env),
    projectFolder,
    home:
      chosen === undefined || chosen === '' ? join(projectFolder, '.faultline') : resolve(chosen),
  }
}
