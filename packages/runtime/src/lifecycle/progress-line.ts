import type { Clock } from '../clock.ts'

const showAfterMs = 1_000

/** A line on a terminal that is written over while something long runs; nothing in the first second, and nothing elsewhere. */
export function progressLine(
  output: { readonly isTTY?: boolean; write(text: string): unknown },
  clock: Clock,
) {
  const start = clock.now()
  let isShown = false
  return {
    show: (describe: (elapsedMs: number) => string): void => {
      const elapsedMs = clock.now() - start
      if (output.isTTY !== true || elapsedMs < showAfterMs) return
      isShown = true
      output.write(`\r\u001b[2K${describe(elapsedMs)}`)
    },
    clear: (): void => {
      if (isShown) output.write('\r\u001b[2K')
      isShown = false
    },
  }
}

/** `, about 12 s left`, going on as fast as it went; empty where nothing can be said. */
export function timeLeft(at: {
  readonly done: number
  readonly of: number
  readonly elapsedMs: number
}): string {
  if (at.done === 0) return ''
  const seconds = Math.ceil(((at.of - at.done) * at.elapsedMs) / at.done / 1_000)
  return `, about ${seconds} s left`
}
