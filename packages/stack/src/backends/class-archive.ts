import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, mkdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { BackEndContext } from './back-end.ts'

const run = promisify(execFile)

/** Full archives have 25 MB and more. A run that ended while it started writes a small one, which would help nobody. */
const smallestUsefulBytes = 16_000_000

/**
 * JVM flags that use an archive of loaded classes, which halves the CPU time of a start (Kafka: 3.6 s to 2.0 s). The first
 * run on a machine writes the archive as it ends; the next start checks it and uses it. All stacks share it.
 * @param classPath the very `-cp` of the program (a jar for `-jar`): an archive is good for one class path only
 */
export async function classArchiveFlags(
  context: BackEndContext,
  program: string,
  classPath: string,
): Promise<string[]> {
  const { java, cache } = context.downloads
  const folder = join(cache, 'class-archives')
  await mkdir(folder, { recursive: true })
  const archive = join(folder, `${program}-${digest([java.home, java.version, classPath])}.jsa`)
  // A run that was killed while it wrote leaves half a file, so what a run writes is a candidate of its stack's own.
  const candidate = `${archive}.${digest([context.folders.home])}.new`
  if (await exists(archive)) {
    await rm(candidate, { force: true })
    return [`-XX:SharedArchiveFile=${archive}`]
  }
  if (await exists(candidate)) {
    if (await isSound(java.program, candidate, classPath)) {
      await rename(candidate, archive)
      return [`-XX:SharedArchiveFile=${archive}`]
    }
    await rm(candidate, { force: true })
  }
  return [`-XX:ArchiveClassesAtExit=${candidate}`]
}

async function isSound(java: string, archive: string, classPath: string): Promise<boolean> {
  try {
    if ((await stat(archive)).size < smallestUsefulBytes) return false
    await run(java, [
      '-Xshare:on',
      '-XX:+VerifySharedSpaces',
      `-XX:SharedArchiveFile=${archive}`,
      '-cp',
      classPath,
      '-version',
    ])
    return true
  } catch {
    return false
  }
}

function digest(parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 12)
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
