import { setTimeout as delay } from 'node:timers/promises'

/** Waits, and ends early without an error where the signal aborts. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await delay(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined)
}

/** Asks until the answer is not undefined. @throws Error after the limit, naming what was waited for */
export async function waitFor<T>(
  what: string,
  limitMs: number,
  ask: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const deadline = performance.now() + limitMs
  for (;;) {
    const answer = await Promise.resolve(ask()).catch(() => undefined)
    if (answer !== undefined) return answer
    if (performance.now() > deadline) throw new Error(`${what}: not within ${limitMs / 1_000} s`)
    await pause(100)
  }
}
