import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { fillDisk, mountSmallDisk } from './small-disk.ts'

const isAllowed = process.platform === 'linux' && process.getuid?.() === 0

it('a folder becomes a small disk that is full on command, where the system lets us', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'small-disk-'))
  const write = () => {
    writeFileSync(join(folder, 'data'), Buffer.alloc(300_000))
  }
  const mounting = mountSmallDisk(folder, 1_048_576)
  if (isAllowed) {
    const unmount = await mounting
    const makeRoom = await fillDisk(folder, 100_000)
    expect(write).toThrow('ENOSPC')
    await makeRoom()
    expect(write).not.toThrow()
    await unmount()
  } else await expect(mounting).rejects.toThrow()
  rmSync(folder, { recursive: true })
})
