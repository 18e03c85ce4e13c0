import { FaultlineError } from '@faultline/runtime/errors'
import type { RedisClient } from '@faultline/runtime/redis'
import { loadGeneration } from '../commands/generation-commands.ts'
import type { Command } from './fold/serving-commands.ts'

/** Words of one script call: Redis serves nobody else meanwhile, one or two milliseconds. */
const wordsPerCall = 3_000
/** Calls under way: Redis works on one while the next are written and read. */
const callsUnderWay = 4

/**
 * Returns how many were written. Writes commands into the database of a generation, a few at a time, so that whoever reads the live one hardly waits.
 * @throws FaultlineError SERVING_STORE_UNAVAILABLE, REBUILD_REFUSED (another run took the database)
 */
export async function loadCommands(
  target: { readonly redis: RedisClient; readonly id: string },
  commands: Iterable<Command>,
  onProgress: (written: number) => void,
): Promise<number> {
  const underWay = new Set<Promise<void>>()
  let written = 0
  let words: string[] = []
  const failures: unknown[] = []
  const send = async (): Promise<void> => {
    if (underWay.size >= callsUnderWay) await Promise.race(underWay)
    if (failures.length > 0) throw failures[0]
    const call: Promise<void> = loadPart(target, words)
      .catch((error: unknown) => failures.push(error))
      .then(() => void underWay.delete(call))
    words = []
    underWay.add(call)
    onProgress(written)
  }
  for (const command of commands) {
    words.push(String(command.length), ...command)
    written += 1
    if (words.length >= wordsPerCall) await send()
  }
  if (words.length > 0) await send()
  await Promise.all(underWay)
  if (failures.length > 0) throw failures[0]
  return written
}

async function loadPart(
  { redis, id }: { readonly redis: RedisClient; readonly id: string },
  words: readonly string[],
): Promise<void> {
  if (await loadGeneration(redis, id, words)) return
  throw new FaultlineError(
    'REBUILD_REFUSED',
    `the database is no longer that of generation ${id}: another run took it`,
  )
}
