import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync } from 'node:fs'
import { join } from 'node:path'
import { environment as names } from '@faultline/contracts/environment'
import { openHome } from '@faultline/stack/home'
import { stackFolders } from '@faultline/stack/layout'
import { openSupervisorLog } from '@faultline/stack/supervisor'
import type { CliContext } from '../context.ts'
import { onInterrupt } from '../interrupts.ts'
import { UpView } from '../up-view.ts'
import type { StarterMessage } from './starter-link.ts'
import type { UpSettings } from './up-settings.ts'

/**
 * Starts the same command in the background and shows what it tells, until it is ready or has failed. Ctrl-C before that
 * stops it again.
 */
export async function runDetached(context: CliContext, settings: UpSettings): Promise<number> {
  const view = new UpView(context.terminal)
  const child = await startBackground(context, settings)
  // Giving up the channel is the wish to stop; a wait for the end of the child follows.
  onInterrupt(
    () => {
      if (child.connected) child.disconnect()
    },
    () => {
      process.exit(1)
    },
  )
  const outcome = Promise.withResolvers<number>()
  child.on('message', (message: StarterMessage) => {
    if ('event' in message) view.show(message.event)
    else if ('ready' in message) {
      view.ready(message.ready, true)
      outcome.resolve(message.ready.notReady.length === 0 ? 0 : 1)
    } else {
      view.settle()
      context.terminal.complain(`${context.terminal.red('faultline:')} ${message.failed.message}`)
      if (message.failed.remedy !== undefined)
        context.terminal.complain(`  ${message.failed.remedy}`)
      outcome.resolve(1)
    }
  })
  child.once('exit', () => {
    view.settle()
    outcome.resolve(1)
  })
  const exitCode = await outcome.promise
  child.unref()
  return exitCode
}

async function startBackground(
  { home, env }: CliContext,
  { fresh, demo, portBase }: UpSettings,
): Promise<ChildProcess> {
  await openHome(home, portBase)
  const output = openSupervisorLog(stackFolders(home).logs)
  const flags = [...(fresh ? ['--fresh'] : []), ...(demo ? [] : ['--no-demo'])]
  const program = join(import.meta.dirname, '..', '..', 'bin', 'faultline.mjs')
  try {
    return spawn(
      process.execPath,
      [program, 'up', '--background', '--port-base', String(portBase), ...flags],
      {
        detached: true,
        env: { ...env, [names.faultlineHome]: home },
        stdio: ['ignore', output, output, 'ipc'],
      },
    )
  } finally {
    closeSync(output)
  }
}
