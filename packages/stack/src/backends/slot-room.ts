import { readdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCode } from '@faultline/runtime/errors'

const mebibyte = 1_048_576

/**
 * MiB of its log that the server may keep for the slot: what is there and half of the free disk. A reader that stays away then
 * costs the slot, which can be made anew, and not the disk, without which nobody can write.
 */
export async function slotRoomMiB(data: string): Promise<number> {
  const { bavail, bsize } = await statfs(data)
  const kept = await bytesOf(join(data, 'pg_wal'))
  return Math.max(1, Math.floor((kept + (bavail * bsize) / 2) / mebibyte))
}

async function bytesOf(folder: string): Promise<number> {
  let bytes = 0
  for (const name of await readdir(folder)) {
    try {
      bytes += (await stat(join(folder, name))).size
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error
    }
  }
  return bytes
}
