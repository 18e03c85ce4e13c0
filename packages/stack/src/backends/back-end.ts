import type { Downloads } from '../download/index.ts'
import type { StackFolders, StackPorts } from '../layout.ts'
import type { ProcessSpec } from '../process-spec.ts'
import type { Credentials } from './credentials.ts'

/** What every embedded back end is made from. */
export interface BackEndContext {
  readonly folders: StackFolders
  readonly ports: StackPorts
  readonly downloads: Downloads
  readonly credentials: Credentials
  /** Variables that every child gets: PATH, HOME, language. */
  readonly env: Readonly<Record<string, string>>
}

/** How to see that a back end serves and what to set up in it: the same for an embedded and an existing server. */
export type BackEndService = Pick<ProcessSpec, 'ready' | 'afterReady'>

export const loopback = '127.0.0.1'
