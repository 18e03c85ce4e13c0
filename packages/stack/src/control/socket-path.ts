import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The address of a Unix socket holds 108 bytes on Linux and 104 on macOS, with a NUL at the end. */
const longestSocketPath = process.platform === 'darwin' ? 103 : 107

/**
 * Where the supervisor of a home folder listens: in its run folder, or, when that path is too long for a socket, under the
 * system's folder for temporary files by a digest of it. Others learn the path from the lock file.
 */
export function controlSocketPath(runFolder: string, temporaryFolder = tmpdir()): string {
  const path = join(runFolder, 'control.sock')
  if (Buffer.byteLength(path) <= longestSocketPath) return path
  const digest = createHash('sha256').update(path).digest('hex').slice(0, 16)
  return join(temporaryFolder, `faultline-${digest}.sock`)
}
