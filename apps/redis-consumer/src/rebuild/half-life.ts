import { redisKeys } from '@faultline/contracts/redis-keys'
import { FaultlineError } from '@faultline/runtime/errors'
import type { RedisClient } from '@faultline/runtime/redis'

/**
 * A consumer asks for the half-life when it takes a partition over. One that runs would go on with its own in a generation that was
 * built with another, and the live scores would mean nothing.
 * @throws FaultlineError REBUILD_REFUSED, SERVING_STORE_UNAVAILABLE
 */
export async function refuseOtherHalfLife(live: RedisClient, halfLifeMs: number): Promise<void> {
  const stored = await live.run('the settings', (client) =>
    client.hget(redisKeys.settings, 'half_life_ms'),
  )
  const liveHalfLifeMs = Number(stored ?? halfLifeMs)
  if (liveHalfLifeMs !== halfLifeMs) throw otherHalfLife({ liveHalfLifeMs, halfLifeMs })
}

export function otherHalfLife(found: {
  readonly liveHalfLifeMs: number
  readonly halfLifeMs: number
}): FaultlineError {
  return new FaultlineError(
    'REBUILD_REFUSED',
    `the live generation has a half-life of ${found.liveHalfLifeMs} ms, the new one ${found.halfLifeMs} ms`,
    {
      remedy:
        'Set FAULT_HALF_LIFE_MS as the Redis consumer has it. To change it, stop the consumer, rebuild with --new-half-life, and start it with the new one.',
    },
  )
}
