import { mkdir, readdir, readFile, rename, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FaultlineError, systemCode } from '@faultline/runtime/errors'

/** Written last into a finished folder: every file with its size. */
const markerName = 'complete.json'
const partialPrefix = '.partial-'

type FileSizes = Readonly<Record<string, number>>

/** Whether a cached folder is there with every file at its full size. */
export async function isComplete(folder: string): Promise<boolean> {
  try {
    const expected = JSON.parse(await readFile(join(folder, markerName), 'utf8')) as FileSizes
    const actual = await fileSizes(folder)
    return Object.entries(expected).every(([path, bytes]) => actual[path] === bytes)
  } catch {
    // No marker, an unreadable one, or no folder: all mean that it has to be made again.
    return false
  }
}

/**
 * Makes a folder of the cache so that an interruption leaves nothing that looks finished: `fill` works in a folder
 * beside it, which takes its place in one rename.
 * @param fill makes the content in the folder given and returns the folder that holds it
 * @throws FaultlineError DISK_FULL, and whatever `fill` throws
 */
export async function makeFolder(
  folder: { readonly cache: string; readonly name: string; readonly diskBytes: number },
  fill: (partial: string) => Promise<string>,
): Promise<void> {
  const { cache, name, diskBytes } = folder
  await mkdir(cache, { recursive: true })
  await removeAbandoned(cache)
  await requireSpace(cache, diskBytes)
  const partial = join(cache, `${partialPrefix}${name}-${process.pid}`)
  await rm(partial, { recursive: true, force: true })
  await mkdir(partial)
  try {
    const content = await fill(partial)
    await writeFile(join(content, markerName), JSON.stringify(await fileSizes(content)))
    await rm(join(cache, name), { recursive: true, force: true })
    await rename(content, join(cache, name))
  } catch (error) {
    // Another stack may have finished the same folder in the meantime.
    if (await isComplete(join(cache, name))) return
    // What failed for want of space does not always say so (Maven only exits with 1).
    await requireSpace(cache, systemCode(error) === 'ENOSPC' ? Infinity : 1_000_000)
    throw error
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
}

async function fileSizes(folder: string): Promise<FileSizes> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const sizes: Record<string, number> = {}
  for (const entry of entries) {
    if (!entry.isFile() || entry.name === markerName) continue
    const path = join(entry.parentPath, entry.name)
    sizes[path.slice(folder.length + 1)] = (await stat(path)).size
  }
  return sizes
}

async function requireSpace(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  const freeBytes = bavail * bsize
  if (freeBytes >= bytes) return
  const free = `${Math.floor(freeBytes / 1e6)} MB free`
  const needed = Number.isFinite(bytes) ? `, ${Math.ceil(bytes / 1e6)} MB needed` : ''
  throw new FaultlineError('DISK_FULL', `the disk of ${folder} is full: ${free}${needed}`, {
    remedy: 'Free some space, or set FAULTLINE_CACHE to a folder on another disk.',
  })
}

/** Removes what an interrupted download left behind, unless its process still runs. */
async function removeAbandoned(cache: string): Promise<void> {
  for (const name of await readdir(cache)) {
    if (!name.startsWith(partialPrefix)) continue
    const pid = Number(name.slice(name.lastIndexOf('-') + 1))
    if (!isRunning(pid)) await rm(join(cache, name), { recursive: true, force: true })
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return systemCode(error) === 'EPERM'
  }
}
