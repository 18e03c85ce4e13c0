import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

const tailBytes = 64 * 1024

/** The last `count` lines that are not blank, from at most the last 64 KiB; none when there is no such file. */
export function lastLines(path: string, count: number): string[] {
  let descriptor: number
  try {
    descriptor = openSync(path, 'r')
  } catch {
    return []
  }
  try {
    const { size } = fstatSync(descriptor)
    const buffer = Buffer.alloc(Math.min(size, tailBytes))
    const read = readSync(descriptor, buffer, 0, buffer.length, size - buffer.length)
    return buffer
      .toString('utf8', 0, read)
      .split('\n')
      .filter((line) => line.trim() !== '')
      .slice(-count)
  } finally {
    closeSync(descriptor)
  }
}
