import type { EachBatchPayload } from 'kafkajs'

export const heartbeatIntervalMs = 1_000

/**
 * Sends heartbeats while a batch is worked on. A heartbeat that says the group is rebalancing is not an error of the batch:
 * the runner sees it again by itself once the batch is done, and joins again.
 */
export async function withHeartbeats(
  payload: EachBatchPayload,
  work: () => Promise<void>,
): Promise<void> {
  const timer = setInterval(() => {
    payload.heartbeat().catch(() => undefined)
  }, heartbeatIntervalMs)
  try {
    await work()
  } finally {
    clearInterval(timer)
  }
}
