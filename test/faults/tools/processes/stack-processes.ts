import { findSupervisor } from '@faultline/stack/control'
import { stackFolders } from '@faultline/stack/layout'
import { RunFile, staleChildren } from '@faultline/stack/supervisor'
import { eventually } from '../../../support/eventually.ts'

const patience = { limitMs: 60_000, everyMs: 20 }

/**
 * Process ids of a running stack by name: the applications, the back ends, and `supervisor`. Read from the run files, so it also
 * works while the supervisor is stopped, and after it was killed.
 */
export function runningProcesses(home: string): ReadonlyMap<string, number> {
  const children = staleChildren(new RunFile(stackFolders(home).run).read())
  const found = new Map(children.map(({ name, identity }) => [name, identity.pid]))
  const supervisor = findSupervisor(home)?.holder.identity.pid
  if (supervisor !== undefined) found.set('supervisor', supervisor)
  return found
}

/** @throws Error when no such process runs at the moment */
export function processId(home: string, name: string): number {
  const pid = runningProcesses(home).get(name)
  if (pid === undefined) throw new Error(`no process ${name} runs on ${home}`)
  return pid
}

/** SIGKILL. Resolves with the process id when it is gone; a child with all that it had started. */
export async function killProcess(home: string, name: string): Promise<number> {
  const pid = processId(home, name)
  send(name, pid, 'SIGKILL')
  await eventually(() => {
    if (runningProcesses(home).get(name) === pid) throw new Error(`${name} (${pid}) still runs`)
  }, patience)
  return pid
}

/** SIGSTOP to a process and all that it has started; gives what sends SIGCONT. */
export function pauseProcess(home: string, name: string): () => void {
  const pid = processId(home, name)
  send(name, pid, 'SIGSTOP')
  return () => {
    send(name, pid, 'SIGCONT')
  }
}

/** Resolves with the new process id when a process of the name runs that is not `former`. It may not be ready yet. */
export async function untilStartedAgain(
  home: string,
  name: string,
  former: number,
): Promise<number> {
  return await eventually(() => {
    const pid = processId(home, name)
    if (pid === former) throw new Error(`${name} is still ${pid}`)
    return pid
  }, patience)
}

/** Each child leads a process group of its own (PostgreSQL has many processes); the supervisor may share its starter's. */
function send(name: string, pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(name === 'supervisor' ? pid : -pid, signal)
  } catch (error) {
    // It may be gone before it is told to go on.
    if (signal !== 'SIGCONT') throw error
  }
}
