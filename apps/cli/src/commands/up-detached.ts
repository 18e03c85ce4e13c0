import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync } from 'node:fs'
import { join } from 'node:path'
import { environment as names } from '@faultline/contracts/environment'
import { openHome } from '@faultline/stack/home'
import { stackFolders } from '@faultline/stack/layout'
import type { StackEvent } from '@faultline/stack/stack-event'
import { openSupervisorLog } from '@faultline/stack/supervisor'
import type { CliContext } from '../context.ts'
import { UpView, type ReadySummary } from '../up-view.ts'
import type { UpSettings } from './up-foreground.ts'

/** What a background `up` tells the one that started it. */
type Message =
  | { readonly event: StackEvent }
  | { readonly ready: ReadySummary }
  | { readonly failed: { readonly message: string; readonly remedy: string | undefined } }

/** The background's end of the channel to its starter. */
export interface StarterLink {
  send(message: { readonly event: StackEvent }): void
  /** The last message: the starter goes its own way after it. */
  finish(message: Exclude<Message, { readonly event: StackEvent }>): void
  /** Called when the starter went away before it was told the end: nobody waits for this stack any more. */
  onLost(listener: () => void): void
}

export function starterLink(): StarterLink {
  let finished = false
  return {
    send: (message) => {
      if (!finished && process.connected) process.send?.(message)
    },
    finish: (message) => {
      finished = true
      if (!process.connected) return
      process.send?.(message, undefined, undefined, () => {
        if (process.connected) process.disconnect()
      })
    },
    onLost: (listener) => {
      process.once('disconnect', () => {
        if (!finished) listener()
      })
    },
  }
}

/**
 * Starts the same command in the background and shows what it tells, until it is ready or has failed. Ctrl-C before that
 * stops it again.
 */
export async function runDetached(context: CliContext, settings: UpSettings): Promise<number> {
  const view = new UpView(context.terminal)
  const child = await startBackground(context, settings)
  // Giving up the channel is the wish to stop; a wait for the end of the child follows.
  const giveUp = () => {
    if (child.connected) child.disconnect()
  }
  process.on('SIGINT', giveUp)
  process.on('SIGTERM', giveUp)
  const outcome = Promise.withResolvers<number>()
  child.on('message', (message: Message) => {
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
  const main = join(import.meta.dirname, '..', 'main.ts')
  try {
    return spawn(
      process.execPath,
      [main, 'up', '--background', '--port-base', String(portBase), ...flags],
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
