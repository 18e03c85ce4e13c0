import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { redisKeys } from '@faultline/contracts/redis-keys'
import { recount } from '@faultline/core/ranking'
import { beginGeneration } from '../../../apps/redis-consumer/src/commands/generation-commands.ts'
import { servingCommands } from '../../../apps/redis-consumer/src/rebuild/fold/serving-commands.ts'
import { ServingFold } from '../../../apps/redis-consumer/src/rebuild/fold/serving-fold.ts'
import { loadCommands } from '../../../apps/redis-consumer/src/rebuild/generation-loader.ts'
import type { DeviceRecord } from '../../../apps/redis-consumer/src/serving-store.ts'
import { logEntry, partitions, worlds, writeLogs } from '../../support/partition-logs.ts'
import { databaseDump, type DatabaseDump } from '../../support/redis-dump.ts'
import { redisContents } from '../../support/redis-contents.ts'
import { assertSameContents } from '../../support/serving-contents.ts'
import {
  openServingRedis,
  rankingSettings,
  type ServingRedis,
} from '../../support/serving-redis.ts'

/**
 * Hypothesis: folding ranges in memory and writing the result at once leaves what the scripts leave after the same ranges: every
 * key, every field, whatever is late, corrected, removed, moved, or dropped for want of room.
 */

const runs = Number(process.env['PBT_RUNS'] ?? 60)
const seed = process.env['PBT_SEED'] === undefined ? {} : { seed: Number(process.env['PBT_SEED']) }
const latestMs = 1_800_000_000_000

let scripted: ServingRedis
let folded: ServingRedis
beforeAll(async () => {
  scripted = await openServingRedis()
  folded = await openServingRedis(10)
})
afterAll(() => Promise.all([scripted.close(), folded.close()]))

/** A way through the logs: the partition to read from next, and how many records. */
const reading = fc.array(
  fc.record({ partition: fc.constantFrom(...partitions), size: fc.integer({ min: 1, max: 25 }) }),
  { maxLength: 30, size: 'max' },
)

interface Range {
  readonly partition: number
  readonly firstOffset: number
  readonly nextOffset: number
  readonly records: readonly DeviceRecord[]
}

/** The ranges that a reading gives, and then the rest of each partition. */
function rangesOf(
  logs: readonly (readonly DeviceRecord[])[],
  steps: readonly { readonly partition: number; readonly size: number }[],
): Range[] {
  const taken = new Map<number, { count: number; next: number }>()
  const rest = partitions.map((partition) => ({ partition, size: Infinity }))
  return [...steps, ...rest].flatMap(({ partition, size }) => {
    const { count, next } = taken.get(partition) ?? { count: 0, next: 0 }
    const records = (logs[partition] ?? []).slice(count, count + size)
    const last = records.at(-1)
    if (last === undefined) return []
    taken.set(partition, { count: count + records.length, next: last.offset + 1 })
    return [{ partition, firstOffset: next, nextOffset: last.offset + 1, records }]
  })
}

async function applyByScripts(ranges: readonly Range[], windowEventsMax: number): Promise<void> {
  await scripted.empty()
  const store = scripted.store({ windowEventsMax })
  const epochs = new Map<number, number>()
  for (const range of ranges) {
    const epoch = epochs.get(range.partition) ?? (await store.takeOver(range.partition)).epoch
    epochs.set(range.partition, epoch)
    await store.apply({ ...range, epoch })
  }
}

async function applyByFold(ranges: readonly Range[], windowEventsMax: number): Promise<void> {
  const { halfLifeMs } = rankingSettings
  const fold = new ServingFold({ halfLifeMs, streamEventsMax: 100, windowEventsMax })
  for (const range of ranges) fold.apply(range)
  await folded.empty()
  const { client } = folded
  expect(await beginGeneration(client, { id: 'test', nowMs: 0 })).toBe(true)
  await loadCommands(
    { redis: client, id: 'test' },
    servingCommands(fold, latestMs),
    () => undefined,
  )
}

/** Without what only one of the two has: epochs of owners, and the mark of a generation. */
function comparable(dump: DatabaseDump): DatabaseDump {
  const progress = Object.entries(dump[redisKeys.progress] ?? {})
  const keys = Object.entries(dump).filter(([key]) => key !== redisKeys.generation)
  return {
    ...Object.fromEntries(keys),
    [redisKeys.progress]: Object.fromEntries(
      progress.filter(([field]) => !field.startsWith('epoch:')),
    ),
  }
}

it.each(Object.entries(worlds))('the fold and the scripts agree: %s', async (_name, world) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(logEntry, { minLength: 1, maxLength: 120, size: 'max' }),
      reading,
      fc.constantFrom(3, 10, 100_000),
      async (entries, steps, windowEventsMax) => {
        const logs = writeLogs(entries, world)
        const ranges = rangesOf(logs, steps)
        await applyByScripts(ranges, windowEventsMax)
        await applyByFold(ranges, windowEventsMax)
        const [expected, actual] = [
          await databaseDump(scripted.client),
          await databaseDump(folded.client),
        ]
        expect(comparable(actual)).toEqual(comparable(expected))
        if (windowEventsMax < 100_000) return
        const contents = await redisContents(folded.client)
        assertSameContents(
          contents,
          recount(logs.flat(), rankingSettings),
          rankingSettings.halfLifeMs,
        )
      },
    ),
    { numRuns: runs, ...seed },
  )
})
