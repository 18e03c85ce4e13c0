import { execFile } from 'node:child_process'
import { mkdir, rm, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * Makes a folder a disk of its own of so many bytes, in memory: for a data folder before its server starts. Gives what takes
 * it away again.
 * @throws Error where the system does not let us mount: only root on Linux may
 */
export async function mountSmallDisk(folder: string, bytes: number): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true })
  await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder])
  return async () => {
    await run('umount', [folder])
  }
}

/** Fills the disk of a folder up to the last `leaveBytes`; gives what makes room again. For small disks. */
export async function fillDisk(folder: string, leaveBytes: number): Promise<() => Promise<void>> {
  const { bavail, bsize } = await statfs(folder)
  const filler = join(folder, 'filler')
  await writeFile(filler, Buffer.alloc(Math.max(0, bavail * bsize - leaveBytes)))
  return () => rm(filler, { force: true })
}
