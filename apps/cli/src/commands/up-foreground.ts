import { FaultlineError } from '@faultline/runtime/errors'
import type { Stack } from '@faultline/stack/run-stack'
import { stackFolders } from '@faultline/stack/layout'
import { createProductStack } from '@faultline/stack/stack'
import { noteInSupervisorLog } from '@faultline/stack/supervisor'
import type { CliContext } from '../context.ts'
import { complainAbout, exitCodeOf } from '../exit-codes.ts'
import { onInterrupt } from '../interrupts.ts'
import type { ReadySummary, UpView } from '../up-view.ts'
import type { StarterLink } from './starter-link.ts'
import type { UpSettings } from './up-settings.ts'

/** An app that is not ready by then is named; it goes on being started, and the stack is used without it. */
const appsReadyLimitMs = 60_000

/**
 * Runs a stack until Ctrl-C, a signal, or `faultline down`. A first Ctrl-C stops in order, a second one ends everything at
 * once.
 */
export async function runInForeground(
  context: CliContext,
  settings: UpSettings,
  output: { readonly view: UpView; readonly link: StarterLink | undefined },
): Promise<number> {
  const { view, link } = output
  const { terminal } = context
  const begin = performance.now()
  keepWarningsInLog(context.home)
  const stop = Promise.withResolvers<'stop'>()
  const stack = createProductStack({
    projectFolder: context.projectFolder,
    home: context.home,
    portBase: settings.portBase,
    fresh: settings.fresh,
    env: context.env,
    apps: settings.demo ? 'with demo' : 'without demo',
    report: (event) => {
      view.show(event)
      link?.send({ event })
    },
    onStopRequested: () => {
      stop.resolve('stop')
    },
  })
  onInterrupt(
    () => {
      stop.resolve('stop')
    },
    () => {
      stack.kill()
    },
  )
  link?.onLost(() => {
    stop.resolve('stop')
  })
  try {
    const ready = becomeReady(stack, begin)
    // A stop while it starts makes the start fail with "stopped", which is no news then.
    ready.catch(() => undefined)
    const first = await Promise.race([ready, stop.promise])
    if (first !== 'stop') {
      view.ready(first, false)
      link?.finish({ ready: first })
    }
    await stop.promise
  } catch (error) {
    view.settle()
    complainAbout(terminal, error)
    link?.finish({ failed: describeFailure(error) })
    return exitCodeOf(error)
  }
  view.settle()
  terminal.print('Stopping in order; Ctrl-C again ends everything at once.')
  await stack.stop()
  terminal.print('Stopped. The data is kept; the next start goes on from here.')
  return 0
}

async function becomeReady(stack: Stack, begin: number): Promise<ReadySummary> {
  await stack.start()
  const notReady = await stack.untilAppsReady(appsReadyLimitMs)
  const { pageUrl, environment } = stack.status()
  return {
    pageUrl,
    environment,
    notReady: notReady.map(({ name, detail, lastExit, state }) => ({
      name,
      reason: detail ?? (lastExit === null ? state : `it ended with ${lastExit}`),
    })),
    ms: performance.now() - begin,
  }
}

/** What a library warns of is for its developers: it goes to the supervisor's log and not among the steps. */
function keepWarningsInLog(home: string): void {
  process.removeAllListeners('warning')
  process.on('warning', (warning) => {
    noteInSupervisorLog(stackFolders(home).logs, `warning: ${warning.name}: ${warning.message}`)
  })
}

function describeFailure(error: unknown): { message: string; remedy: string | undefined } {
  if (error instanceof FaultlineError) return { message: error.message, remedy: error.remedy }
  return { message: `unexpected: ${String(error)}`, remedy: undefined }
}
