import { access, copyFile, mkdir, open, rename, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { systemCode } from '@faultline/runtime/errors'
import type { FileEnd } from '../batch/batch.ts'
import { look } from '../folder/scan.ts'

interface DisposalFolders {
  readonly errorFolder: string
  /** Collected files are deleted where there is none. */
  readonly archiveFolder: string | undefined
}

/**
 * Takes a file whose end is committed out of the folder: a collected one into the archive or away, an unreadable one into the
 * folder for errors. False where the file has changed since its end was read: it goes on and stays. Safe to repeat.
 */
export async function dispose(
  end: FileEnd,
  digest: string,
  folders: DisposalFolders,
): Promise<boolean> {
  const { seen, outcome } = end
  const now = await look(dirname(seen.path), seen.name)
  if (now === undefined) return true
  if (now.size !== seen.size || now.mtimeMs !== seen.mtimeMs || now.inode !== seen.inode) {
    return false
  }
  const target = outcome === 'unreadable' ? folders.errorFolder : folders.archiveFolder
  if (target === undefined) await unlink(seen.path)
  else await moveInto(target, seen, digest)
  return true
}

async function moveInto(
  folder: string,
  { name, path }: FileEnd['seen'],
  digest: string,
): Promise<void> {
  await mkdir(folder, { recursive: true })
  const plain = join(folder, name)
  const target = (await exists(plain)) ? join(folder, `${digest.slice(0, 12)}-${name}`) : plain
  try {
    await rename(path, target)
  } catch (error) {
    if (systemCode(error) !== 'EXDEV') throw error
    await copyOver(path, target)
  }
}

/** To another file system: the copy is on disk before the file goes. */
async function copyOver(path: string, target: string): Promise<void> {
  const partial = `${target}.part`
  try {
    await copyFile(path, partial)
  } catch (error) {
    // On a full disk what fitted is in the way.
    await unlink(partial).catch(() => undefined)
    throw error
  }
  const handle = await open(partial, 'r+')
  await handle.sync().finally(() => handle.close())
  await rename(partial, target)
  await unlink(path)
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
