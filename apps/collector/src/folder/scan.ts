import { opendir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from '@faultline/runtime/errors'

/** A frame file as it lay in the folder a moment ago. */
export interface FoundFile {
  readonly name: string
  readonly path: string
  readonly size: number
  readonly mtimeMs: number
  readonly inode: number
}

/** Names with a dot in front are left alone: programs that copy files write to one and rename it. */
const isFrameFile = (name: string): boolean => /^[^.].*\.(bin|frames)(\.gz)?$/i.test(name)

export const isPacked = (name: string): boolean => /\.gz$/i.test(name)

/**
 * The frame files of a folder, at most `max` of them, by name. Links and subfolders are passed over, and empty files: somebody
 * is about to write them.
 */
export async function scanFolder(folder: string, max: number): Promise<readonly FoundFile[]> {
  const names: string[] = []
  for await (const entry of await opendir(folder)) {
    if (!entry.isFile() || !isFrameFile(entry.name)) continue
    names.push(entry.name)
    if (names.length >= max) break
  }
  const files = await Promise.all(names.toSorted().map((name) => look(folder, name)))
  return files.filter((file) => file !== undefined).filter(({ size }) => size > 0)
}

/** The file, or undefined where it is gone. */
export async function look(folder: string, name: string): Promise<FoundFile | undefined> {
  const path = join(folder, name)
  try {
    const { size, mtimeMs, ino } = await stat(path)
    return { name, path, size, mtimeMs, inode: ino }
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}
