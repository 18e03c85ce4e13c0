/** npm passes on the Ctrl-C that the terminal has sent to everybody: both within this time are one. */
const sameInterruptMs = 700

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Calls `first` at the first Ctrl-C or signal to end, and `again` when somebody presses Ctrl-C once more. Only Ctrl-C
 * counts as impatience: service managers may repeat SIGTERM.
 */
export function onInterrupt(
  first: () => void,
  again: () => void,
  source: Pick<NodeJS.EventEmitter, 'on'> = process,
): void {
  let firstAt: number | undefined
  for (const signal of signals) {
    source.on(signal, () => {
      const now = Date.now()
      if (firstAt === undefined) {
        firstAt = now
        first()
      } else if (signal === 'SIGINT' && now - firstAt > sameInterruptMs) again()
    })
  }
}

/** A signal that aborts at Ctrl-C, so that a command ends in its own words; Ctrl-C again ends it at once. */
export function interrupted(): AbortSignal {
  const controller = new AbortController()
  onInterrupt(
    () => {
      controller.abort()
    },
    () => {
      process.exit(1)
    },
  )
  return controller.signal
}
