import { systemClock, type Clock } from '@faultline/runtime/clock'
import { isAlive } from './process-identity.ts'
import { inStopOrder } from './process-order.ts'
import type { RunningChild } from './run-file.ts'

const pollMs = 25
const killWaitMs = 5_000

/** Those of the recorded children that still run. A reused process id is a stranger and is not among them. */
export function staleChildren(recorded: readonly RunningChild[]): readonly RunningChild[] {
  return recorded.filter(({ identity }) => isAlive(identity))
}

/**
 * Stops what a killed supervisor left behind, in the order an ordinary stop keeps: the stop signal, then SIGKILL for the
 * group after the child's own time limit. Returns the names that survived even that.
 */
export async function stopStaleChildren(
  stale: readonly RunningChild[],
  clock: Clock = systemClock,
): Promise<readonly string[]> {
  const survivors: string[] = []
  await inStopOrder(stale, async (child) => {
    signal(child, child.stopSignal)
    if (await isGoneWithin(child, child.stopTimeoutMs, clock)) return
    signal(child, 'SIGKILL')
    if (!(await isGoneWithin(child, killWaitMs, clock))) survivors.push(child.name)
  })
  return survivors
}

function signal({ identity }: RunningChild, name: NodeJS.Signals): void {
  if (!isAlive(identity)) return
  try {
    // Each child leads its own group; only SIGKILL goes to the whole of it (see SupervisedProcess).
    process.kill(name === 'SIGKILL' ? -identity.pid : identity.pid, name)
  } catch {
    // It went away in between.
  }
}

async function isGoneWithin(child: RunningChild, ms: number, clock: Clock): Promise<boolean> {
  const deadline = clock.now() + ms
  while (isAlive(child.identity)) {
    if (clock.now() >= deadline) return false
    await clock.sleep(pollMs)
  }
  return true
}
