import type { Measurement } from '@faultline/ingest/measurements'
import type { Clock } from '@faultline/runtime/clock'
import { FaultlineError } from '@faultline/runtime/errors'
import type { Destination } from '../destination.ts'
import { ndjsonLines } from './ndjson.ts'

interface HttpOptions {
  /** Address of the API. */
  readonly url: string
  /** What the keys of the requests begin with; of each load another. */
  readonly keyPrefix: string
  readonly clock: Clock
  readonly signal: AbortSignal
}

const retryMs = 1_000

/**
 * Posts to `/api/measurements`, one request at a time. While the API is away or busy it sends the same again with the same key, so that nothing is
 * written twice; the signal ends that.
 */
export function httpDestination({ url, keyPrefix, clock, signal }: HttpOptions): Destination {
  let requests = 0
  const post = async (body: string, key: string): Promise<Response | undefined> => {
    const headers = { 'content-type': 'application/x-ndjson', 'idempotency-key': key }
    const address = new URL('/api/measurements', url)
    try {
      return await fetch(address, { method: 'POST', headers, body, signal })
    } catch (error) {
      if (signal.aborted) throw error
      return undefined
    }
  }
  return {
    defects: ['clock', 'device-id', 'channels'],
    write: async (rows: readonly Measurement[]) => {
      requests += 1
      const key = `${keyPrefix}-${requests}`
      const body = ndjsonLines(rows)
      for (;;) {
        const response = await post(body, key)
        const text = await response?.text()
        if (response?.status === 202) return
        if (response !== undefined && response.status !== 503) {
          throw new FaultlineError(
            'ARGUMENT_INVALID',
            `the API answers ${response.status}: ${text ?? ''}`,
          )
        }
        await clock.sleep(retryMs, signal)
      }
    },
    flush: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
}
