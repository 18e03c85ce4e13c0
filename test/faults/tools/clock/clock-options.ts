import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The Node option that lets the clock of an application follow `setClock` of the same folder; see `redirectOption`. */
export function clockOption(folder: string): string {
  const url = new URL('clock.mjs', import.meta.url)
  url.searchParams.set('folder', folder)
  return `--import=${url.href}`
}

/** Puts the clock of an application wrong by so many milliseconds, within 50 ms; 0: right again. */
export function setClock(folder: string, app: string, offsetMs: number): void {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, app)
  writeFileSync(`${path}.tmp`, String(offsetMs))
  renameSync(`${path}.tmp`, path)
}

export const hourMs = 3_600_000

/** How far a clock has to jump to stand after the last second that 32 bits count. */
export function offsetTo2106(nowMs: number): number {
  return Date.UTC(2106, 1, 7, 12) - nowMs
}
