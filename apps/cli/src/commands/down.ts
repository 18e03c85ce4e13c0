import { FaultlineError } from '@faultline/runtime/errors'
import { systemClock } from '@faultline/runtime/clock'
import { findSupervisor, type RunningSupervisor } from '@faultline/stack/control'
import { stopLeftovers } from '@faultline/stack/leftovers'
import { isAlive } from '@faultline/stack/supervisor'
import type { CliContext } from '../context.ts'
import { formatDuration } from '../duration.ts'

const pollMs = 100
const stopLimitMs = 180_000

/** Stops the stack of this home and waits for its end. Nothing running is not a failure: the wish is fulfilled. */
export async function down(context: CliContext): Promise<number> {
  const { terminal, home } = context
  const supervisor = findSupervisor(home)
  if (supervisor === undefined) {
    const stopped = await stopLeftovers(home)
    terminal.print(
      stopped.length === 0
        ? `No stack runs on ${home}.`
        : `Stopped what an ended supervisor had left running: ${stopped.join(', ')}.`,
    )
    return 0
  }
  const begin = performance.now()
  await stopAndWait(supervisor, (left) => {
    terminal.live(`stopping: ${left.join(', ')}`)
  })
  terminal.print(`Stopped in ${formatDuration(performance.now() - begin)}; the data is kept.`)
  return 0
}

/**
 * Asks a supervisor to stop and waits until its process is gone.
 * @throws FaultlineError DEADLINE_EXCEEDED
 */
export async function stopAndWait(
  supervisor: RunningSupervisor,
  onProgress: (left: readonly string[]) => void,
): Promise<void> {
  const { identity } = supervisor.holder
  await supervisor.stop()
  const deadline = Date.now() + stopLimitMs
  while (isAlive(identity)) {
    if (Date.now() > deadline) {
      throw new FaultlineError('DEADLINE_EXCEEDED', 'the stack has not stopped in 3 minutes', {
        remedy: `\`faultline status\` shows what still runs; process ${identity.pid} is the supervisor.`,
      })
    }
    // Its socket closes before the process ends: no answer is then as good as an end.
    const processes = await supervisor.status().then(
      (current) => current.processes,
      () => [],
    )
    onProgress(processes.filter(({ state }) => state !== 'stopped').map(({ name }) => name))
    await systemClock.sleep(pollMs)
  }
}
