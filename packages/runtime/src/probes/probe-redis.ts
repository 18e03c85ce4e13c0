import { Redis } from 'ioredis'
import { FaultlineError } from '../errors/index.ts'

const timeoutMs = 3_000

/** PING, which Redis refuses while it loads its data. @throws FaultlineError SERVING_STORE_UNAVAILABLE */
export async function probeRedis(url: string): Promise<void> {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: timeoutMs,
    commandTimeout: timeoutMs,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
  })
  // ioredis reports a refused connection here as well as by rejecting.
  redis.on('error', () => undefined)
  try {
    await redis.connect()
    await redis.ping()
  } catch (error) {
    throw new FaultlineError('SERVING_STORE_UNAVAILABLE', 'Redis does not answer yet', {
      cause: error,
    })
  } finally {
    redis.disconnect()
  }
}
