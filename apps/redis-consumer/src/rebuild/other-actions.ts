import type { Clock } from '@faultline/runtime/clock'
import { FaultlineError } from '@faultline/runtime/errors'
import { topicBounds, type KafkaConnection } from '@faultline/runtime/kafka'
import type { RedisClient } from '@faultline/runtime/redis'
import { discardGeneration, rollBackGeneration } from '../commands/generation-commands.ts'
import type { RebuildConfig } from './config.ts'
import { announce, readGeneration, readOffsets, refuseRunning } from './generations.ts'

interface ActionDeps {
  readonly config: RebuildConfig
  readonly live: RedisClient
  readonly staging: RedisClient
  readonly kafka: KafkaConnection
  readonly clock: Clock
}

/**
 * Lets the generation that served before the last swap serve again. It is behind; the consumer sees that and replays what is missing.
 * @throws FaultlineError REBUILD_REFUSED where there is none, or where records it lacks are no longer in the topic
 */
export async function rollBack({
  config,
  live,
  staging,
  kafka,
  clock,
}: ActionDeps): Promise<string> {
  const former = await readGeneration(staging)
  if (former?.status !== 'retired') throw nothingToRollBack()
  const bounds = await topicBounds(kafka.admin, config.topic)
  const offsets = await readOffsets(staging)
  for (const [partition, { first }] of bounds) {
    if ((offsets.get(partition) ?? 0) >= first) continue
    throw new FaultlineError(
      'REBUILD_REFUSED',
      `the former generation lacks records of partition ${partition} that the topic no longer keeps`,
      { remedy: 'Rebuild from what is left instead.' },
    )
  }
  const reply = await rollBackGeneration(live, {
    liveDatabase: config.liveDatabase,
    otherDatabase: config.stagingDatabase,
    id: former.id,
    nowMs: clock.now(),
  })
  if (reply === 'NOT_HERE') throw nothingToRollBack()
  await announce(live, clock.now())
  return former.id
}

/**
 * Frees the memory of the generation that does not serve; null where there is none.
 * @throws FaultlineError REBUILD_REFUSED where a rebuild is running, or the database is somebody else's
 */
export async function discard({ config, staging }: ActionDeps): Promise<string | null> {
  const generation = await readGeneration(staging)
  if (generation !== null) await refuseRunning(staging, generation)
  if (await discardGeneration(staging)) return generation?.id ?? null
  throw new FaultlineError(
    'REBUILD_REFUSED',
    `database ${config.stagingDatabase} holds keys that no rebuild wrote`,
    { remedy: 'REDIS_STAGING_DB chooses another database.' },
  )
}

function nothingToRollBack(): FaultlineError {
  return new FaultlineError('REBUILD_REFUSED', 'there is no former generation to go back to', {
    remedy: 'A former one is kept from a swap until --discard or the next rebuild.',
  })
}
