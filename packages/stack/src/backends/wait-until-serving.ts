import { systemClock } from '@faultline/runtime/clock'
import { messageOf } from '@faultline/runtime/errors'

const firstPauseMs = 50
const longestPauseMs = 250

/**
 * Repeats a protocol check until it passes. Any failure means "not yet": the caller's signal is the only end.
 * @param report takes the reason of each failure
 */
export async function waitUntilServing(
  check: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
  report: (reason: string) => void,
): Promise<void> {
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 1.2, longestPauseMs)) {
    signal.throwIfAborted()
    try {
      await check(signal)
      return
    } catch (error) {
      signal.throwIfAborted()
      report(messageOf(error))
    }
    await systemClock.sleep(pauseMs, signal)
  }
}

const answerTimeoutMs = 5_000

/** Passes when a GET answers 200 and `accept` likes the body. */
export function httpCheck(
  url: string,
  accept: (body: string) => boolean = () => true,
): (signal: AbortSignal) => Promise<void> {
  return async (signal) => {
    const response = await fetch(url, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerTimeoutMs)]),
    })
    const body = await response.text()
    if (response.status !== 200 || !accept(body)) {
      throw new Error(`${url} answered ${response.status}`)
    }
  }
}
