import { mkdtempSync } from 'node:fs'
import { cp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stackFolders } from '@faultline/stack/layout'
import { eventually } from '../../../support/eventually.ts'
import { fillDisk, mountSmallDisk } from './small-disk.ts'
import { pauseProcess, processId, untilStartedAgain } from './stack-processes.ts'

/** The data folder of a back end, on a disk of its own. */
interface DataDisk {
  /** Leaves so many bytes; gives what makes room again. */
  fill(leaveBytes: number): Promise<() => Promise<void>>
  /** Takes the disk away. The data stays, and the back end goes on with it in its old place. */
  remove(): Promise<void>
}

/**
 * Gives a back end of the stack a small disk for its data, and starts it again there.
 * @throws Error where the system does not let us mount
 */
export async function putOnSmallDisk(home: string, name: string, bytes: number): Promise<DataDisk> {
  const folder = stackFolders(home).data(name)
  let unmount = (): Promise<void> => Promise.resolve()
  await whileDown(home, name, () =>
    carryOver(folder, async () => {
      unmount = await mountSmallDisk(folder, bytes)
    }),
  )
  return {
    fill: (leaveBytes) => fillDisk(folder, leaveBytes),
    remove: () =>
      // It is in use until the last process that was killed is gone.
      whileDown(home, name, () => carryOver(folder, () => eventually(unmount))),
  }
}

/** Kills a process and changes something before the supervisor, which stands still meanwhile, starts it again. */
async function whileDown(home: string, name: string, change: () => Promise<void>): Promise<void> {
  const goOn = pauseProcess(home, 'supervisor')
  const killed = processId(home, name)
  try {
    process.kill(-killed, 'SIGKILL')
    await change()
  } finally {
    goOn()
  }
  await untilStartedAgain(home, name, killed)
}

/** What is in the folder before is in it afterwards. */
async function carryOver(folder: string, change: () => Promise<void>): Promise<void> {
  const copy = mkdtempSync(join(tmpdir(), 'data-disk-'))
  try {
    await cp(folder, copy, { recursive: true, verbatimSymlinks: true })
    await change()
    for (const entry of await readdir(folder)) await rm(join(folder, entry), { recursive: true })
    await cp(copy, folder, { recursive: true, verbatimSymlinks: true })
  } finally {
    await rm(copy, { recursive: true })
  }
}
