import { lastPortBase } from '@faultline/stack/home'
import { defaultPortBase } from '@faultline/stack/layout'
import { findSupervisor } from '@faultline/stack/control'
import type { CliContext } from '../context.ts'
import { UpView } from '../up-view.ts'
import { stopAndWait } from './down.ts'
import { starterLink } from './starter-link.ts'
import { runDetached } from './up-detached.ts'
import { runInForeground } from './up-foreground.ts'

export interface UpOptions {
  readonly detach: boolean
  readonly fresh: boolean
  readonly demo: boolean
  /** This process was started by `up --detach`, which listens on the other end of its IPC channel. */
  readonly background: boolean
  readonly portBase?: number
}

/** Starts a stack; in the foreground it ends with it. */
export async function up(context: CliContext, options: UpOptions): Promise<number> {
  const { home, terminal } = context
  const portBase = options.portBase ?? (await lastPortBase(home)) ?? defaultPortBase
  const running = findSupervisor(home)
  if (options.fresh && running !== undefined) {
    terminal.print('Stopping the running stack.')
    await stopAndWait(running, (left) => {
      terminal.live(`  … stopping ${left.join(', ')}`)
    })
  }
  const settings = { fresh: options.fresh, demo: options.demo, portBase }
  if (options.detach) return runDetached(context, settings)
  const link = options.background ? starterLink() : undefined
  return runInForeground(context, settings, { view: new UpView(terminal), link })
}
