import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { isFaultlineError } from '@faultline/runtime/errors'
import type { DeviceRecord, ServingStore } from '../../../apps/redis-consumer/src/serving-store.ts'
import { memoryServingStore } from '../../support/memory-serving-store.ts'
import { logEntry, partitions, worlds, writeLogs } from '../../support/partition-logs.ts'
import { assertSameContents } from '../../support/serving-contents.ts'
import {
  openServingRedis,
  rankingSettings,
  type ServingRedis,
} from '../../support/serving-redis.ts'

/**
 * Hypothesis: folding records one by one in Lua, in ranges that overlap, repeat, have gaps, come from former owners and run
 * out of budget, leaves exactly what counting all records from nothing gives.
 */

const runs = Number(process.env['PBT_RUNS'] ?? 60)
const seed = process.env['PBT_SEED'] === undefined ? {} : { seed: Number(process.env['PBT_SEED']) }

const step = fc.record({
  kind: fc.constantFrom('next', 'next', 'next', 'next', 'again', 'skip', 'former', 'takeOver'),
  partition: fc.constantFrom(...partitions),
  back: fc.nat(10),
  size: fc.integer({ min: 1, max: 25 }),
})

/** What a step did: the number of records applied, or the code of the refusal. */
async function outcome(work: Promise<unknown>): Promise<unknown> {
  try {
    return await work
  } catch (error) {
    if (isFaultlineError(error)) return error.code
    throw error
  }
}

/** A reader of the logs that drives a store as the steps say; what it remembers comes from the store's answers alone. */
class Reader {
  readonly #store: ServingStore
  readonly #logs: readonly DeviceRecord[][]
  readonly #owned = new Map<number, { epoch: number; next: number }>()

  constructor(store: ServingStore, logs: readonly DeviceRecord[][]) {
    this.#store = store
    this.#logs = logs
  }

  async takeOver(partition: number): Promise<unknown> {
    const { epoch, nextOffset } = await this.#store.takeOver(partition)
    this.#owned.set(partition, { epoch, next: nextOffset ?? 0 })
    return { epoch, nextOffset }
  }

  async step({
    kind,
    partition,
    back,
    size,
  }: typeof step extends fc.Arbitrary<infer S> ? S : never) {
    const owned = this.#owned.get(partition)
    if (owned === undefined || kind === 'takeOver') return await this.takeOver(partition)
    const start = { next: 0, takeOver: 0, former: 0, again: -back, skip: 1 + back }[kind]
    const firstOffset = Math.max(0, owned.next + start)
    const records = (this.#logs[partition] ?? [])
      .filter(({ offset }) => offset >= firstOffset)
      .slice(0, size)
    const nextOffset = (records.at(-1)?.offset ?? firstOffset) + 1
    const epoch = kind === 'former' ? owned.epoch - 1 : owned.epoch
    const applied = await outcome(
      this.#store.apply({ partition, epoch, firstOffset, nextOffset, records }),
    )
    if (typeof applied === 'number') owned.next = Math.max(owned.next, nextOffset)
    return applied
  }

  /** Applies what is left of every log. */
  async finish(): Promise<void> {
    for (const partition of partitions) {
      await this.takeOver(partition)
      await this.step({ kind: 'next', partition, back: 0, size: Infinity })
    }
  }
}

let redis: ServingRedis
beforeAll(async () => {
  redis = await openServingRedis()
})
afterAll(() => redis.close())

it.each(Object.entries(worlds))('Lua and the model agree: %s', async (_name, world) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(logEntry, { minLength: 1, maxLength: 120, size: 'max' }),
      fc.array(step, { maxLength: 30, size: 'max' }),
      fc.constantFrom(1, 3, 1_000),
      async (entries, steps, budget) => {
        await redis.empty()
        const logs = writeLogs(entries, world)
        const model = memoryServingStore(rankingSettings)
        const readers = [
          new Reader(redis.store({ budget }), logs),
          new Reader(model, logs),
        ] as const
        for (const action of steps) {
          const [actual, expected] = [await readers[0].step(action), await readers[1].step(action)]
          expect(actual).toEqual(expected)
        }
        assertSameContents(await redis.contents(), model.contents(), rankingSettings.halfLifeMs)
        await readers[0].finish()
        await readers[1].finish()
        assertSameContents(await redis.contents(), model.contents(), rankingSettings.halfLifeMs)
      },
    ),
    { numRuns: runs, ...seed },
  )
})

it('the order in which partitions are read makes no difference', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(logEntry, { minLength: 1, maxLength: 120, size: 'max' }),
      async (entries) => {
        const logs = writeLogs(entries, worlds.expiry)
        const readings = []
        for (const order of [partitions, partitions.toReversed()]) {
          await redis.empty()
          const reader = new Reader(redis.store(), logs)
          for (const partition of order) {
            await reader.takeOver(partition)
            await reader.step({ kind: 'next', partition, back: 0, size: Infinity })
          }
          readings.push(await redis.contents())
        }
        const [one, other] = readings
        if (one === undefined || other === undefined) throw new Error('two readings')
        assertSameContents(one, other, rankingSettings.halfLifeMs)
      },
    ),
    { numRuns: Math.ceil(runs / 3), ...seed },
  )
})
