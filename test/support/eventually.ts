import { setTimeout as delay } from 'node:timers/promises'

interface Patience {
  readonly limitMs: number
  readonly everyMs: number
}

/** Waits until `attempt` stops throwing, and says what it threw last when it never did. */
export async function eventually<T>(
  attempt: () => Promise<T> | T,
  { limitMs, everyMs }: Patience = { limitMs: 30_000, everyMs: 50 },
): Promise<T> {
  const deadline = performance.now() + limitMs
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (performance.now() > deadline) {
        throw new Error(`still so after ${limitMs} ms`, { cause: error })
      }
    }
    await delay(everyMs)
  }
}
