import { redisKeys } from '@faultline/contracts/redis-keys'
import { runScript, type RedisClient, type Script } from '@faultline/runtime/redis'
import { loadScript } from './load-script.ts'
import { unknownReply } from './replies.ts'

const beginScript = loadScript('begin-generation-1')
const discardScript = loadScript('discard-generation-1')
const loadGenerationScript = loadScript('load-generation-1')
const markVerifiedScript = loadScript('mark-verified-1')
const swapScript = loadScript('swap-generation-3')
const rollBackScript = loadScript('roll-back-generation-2')

export const generationScripts = [
  beginScript,
  discardScript,
  loadGenerationScript,
  markVerifiedScript,
  swapScript,
  rollBackScript,
] as const

/** The two databases of a server, and the generation in the one that does not serve. */
export interface Exchange {
  readonly liveDatabase: number
  readonly otherDatabase: number
  readonly id: string
  /** Epoch ms. */
  readonly nowMs: number
}

interface Swap extends Exchange {
  /** Whether the new generation may have another half-life than the live one. */
  readonly isNewHalfLife: boolean
}

export type SwapReply =
  | { readonly code: 'SWAPPED' | 'SERVES_ALREADY' | 'NOT_HERE' | 'NOT_VERIFIED' }
  | {
      readonly code: 'BEHIND'
      readonly partition: number
      readonly liveNextOffset: number
      /** Null where nothing of the partition is in. */
      readonly nextOffset: number | null
    }
  | {
      readonly code: 'OTHER_HALF_LIFE'
      readonly liveHalfLifeMs: number
      readonly halfLifeMs: number
    }

/** False where the database holds keys of somebody else, or serves. @throws FaultlineError SERVING_STORE_UNAVAILABLE, SCRIPT_REPLY_UNKNOWN */
export async function beginGeneration(
  redis: RedisClient,
  { id, nowMs }: { readonly id: string; readonly nowMs: number },
): Promise<boolean> {
  return isDone(beginScript, await run(redis, beginScript, [id, nowMs]))
}

/** As beginGeneration, without beginning one. */
export async function discardGeneration(redis: RedisClient): Promise<boolean> {
  return isDone(discardScript, await run(redis, discardScript, []))
}

/**
 * @param words of commands, before each command their number
 * @returns false where the database belongs to another generation now
 * @throws FaultlineError SERVING_STORE_UNAVAILABLE, SCRIPT_REPLY_UNKNOWN
 */
export async function loadGeneration(
  redis: RedisClient,
  id: string,
  words: readonly string[],
): Promise<boolean> {
  return isDone(loadGenerationScript, await run(redis, loadGenerationScript, [id, ...words]))
}

/** False where the database belongs to another generation now. @throws FaultlineError SERVING_STORE_UNAVAILABLE, SCRIPT_REPLY_UNKNOWN */
export async function markVerified(
  redis: RedisClient,
  { id, nowMs }: { readonly id: string; readonly nowMs: number },
): Promise<boolean> {
  return isDone(markVerifiedScript, await run(redis, markVerifiedScript, [id, nowMs]))
}

/** @throws FaultlineError SERVING_STORE_UNAVAILABLE (it may or may not be swapped: ask again), SCRIPT_REPLY_UNKNOWN */
export async function swapGeneration(
  redis: RedisClient,
  { liveDatabase, otherDatabase, id, nowMs, isNewHalfLife }: Swap,
): Promise<SwapReply> {
  const keys = [redisKeys.generation, redisKeys.progress, redisKeys.settings]
  const args = [liveDatabase, otherDatabase, id, nowMs, isNewHalfLife ? 1 : 0]
  const reply = await runScript(redis, swapScript, { keys, args })
  if (!Array.isArray(reply)) throw unknownReply(swapScript.name, reply)
  const [code, partition, ofLive, ofNew] = reply as readonly unknown[]
  switch (code) {
    case 0:
      return { code: 'SWAPPED' }
    case 1:
      return { code: 'SERVES_ALREADY' }
    case -1:
      return { code: 'NOT_HERE' }
    case -2:
      return { code: 'NOT_VERIFIED' }
    case -3:
      return {
        code: 'BEHIND',
        partition: Number(partition),
        liveNextOffset: Number(ofLive),
        nextOffset: Number(ofNew) < 0 ? null : Number(ofNew),
      }
    case -4:
      return {
        code: 'OTHER_HALF_LIFE',
        liveHalfLifeMs: Number(ofLive),
        halfLifeMs: Number(ofNew),
      }
    default:
      throw unknownReply(swapScript.name, reply)
  }
}

/** @throws FaultlineError SERVING_STORE_UNAVAILABLE (it may or may not be swapped: ask again), SCRIPT_REPLY_UNKNOWN */
export async function rollBackGeneration(
  redis: RedisClient,
  exchange: Exchange,
): Promise<'SWAPPED' | 'SERVES_ALREADY' | 'NOT_HERE'> {
  const { liveDatabase, otherDatabase, id, nowMs } = exchange
  const keys = [redisKeys.generation, redisKeys.progress]
  const args = [liveDatabase, otherDatabase, id, nowMs]
  const reply = await runScript(redis, rollBackScript, { keys, args })
  if (reply === 0) return 'SWAPPED'
  if (reply === 1) return 'SERVES_ALREADY'
  if (reply === -1) return 'NOT_HERE'
  throw unknownReply(rollBackScript.name, reply)
}

function run(
  redis: RedisClient,
  script: Script,
  args: readonly (string | number)[],
): Promise<unknown> {
  return runScript(redis, script, { keys: [redisKeys.generation], args })
}

function isDone(script: Script, reply: unknown): boolean {
  if (reply === 0 || reply === -1) return reply === 0
  throw unknownReply(script.name, reply)
}
