import { FaultlineError } from '@faultline/runtime/errors'
import { stackFolders } from './layout.ts'
import { RunFile, staleChildren, stopStaleChildren, takeLock } from './supervisor/index.ts'

/**
 * Stops, in order, the children that a killed supervisor left running. The caller holds the lock of the home folder.
 * @returns their names
 * @throws FaultlineError BACK_END_UNAVAILABLE naming those that even SIGKILL did not end
 */
export async function stopChildrenOfEndedSupervisor(
  runFile: RunFile,
  onFound: (children: readonly string[]) => void = () => undefined,
): Promise<readonly string[]> {
  const stale = staleChildren(runFile.read())
  if (stale.length > 0) onFound(stale.map(({ name, identity }) => `${name} (${identity.pid})`))
  const survivors = await stopStaleChildren(stale)
  if (survivors.length > 0) {
    throw new FaultlineError(
      'BACK_END_UNAVAILABLE',
      `left over from an earlier run and not to be stopped: ${survivors.join(', ')}`,
      { remedy: 'End these processes by hand, then try again.' },
    )
  }
  runFile.clear()
  return stale.map(({ name }) => name)
}

/** The same for a home folder on which no supervisor runs. */
export async function stopLeftovers(home: string): Promise<readonly string[]> {
  const { run } = stackFolders(home)
  const runFile = new RunFile(run)
  if (staleChildren(runFile.read()).length === 0) return []
  const release = takeLock(run, { pageUrl: '', controlSocket: '' })
  try {
    return await stopChildrenOfEndedSupervisor(runFile)
  } finally {
    release()
  }
}
