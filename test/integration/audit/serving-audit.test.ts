import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { auditServing } from '@faultline/audit/serving'
import type { StoreAudit } from '@faultline/audit/report'
import { systemClock } from '@faultline/runtime/clock'
import type { ServingStore } from '../../../apps/redis-consumer/src/serving-store.ts'
import { structures, type Change } from './changed-by-hand.ts'
import { feedOf } from '../../support/log-feed.ts'
import { chance, fleetLogs, type LoggedRecord } from '../../support/serving-logs.ts'
import {
  openServingRedis,
  rankingSettings,
  type ServingRedis,
} from '../../support/serving-redis.ts'

/**
 * Hypothesis: what the scripts leave in Redis is never called different, and one thing changed by hand anywhere is, by its key and
 * field and with both values.
 */

const { halfLifeMs } = rankingSettings
/** The log of one type is trimmed, that of the other is whole. */
const streamEventsMax = 350
const shape = { records: 900, partitions: 3, devices: 12 }

let redis: ServingRedis
beforeAll(async () => {
  redis = await openServingRedis()
})
afterAll(() => redis.close())
beforeEach(() => redis.empty())

async function fill(store: ServingStore, logs: readonly (readonly LoggedRecord[])[], size: number) {
  for (const [partition, log] of logs.entries()) {
    const { epoch } = await store.takeOver(partition)
    for (let start = 0; start < log.length; start += size) {
      const records = log.slice(start, start + size)
      await store.apply({
        partition,
        epoch,
        firstOffset: (log[start - 1]?.offset ?? -1) + 1,
        nextOffset: (records.at(-1)?.offset ?? 0) + 1,
        records,
      })
    }
  }
}

function audit(logs: readonly (readonly LoggedRecord[])[], windowEventsMax = 100_000) {
  const feed = feedOf(logs, { halfLifeMs, streamEventsMax })
  return auditServing({
    redis: redis.client,
    ...feed,
    windowEventsMax,
    differencesMax: 500,
    clock: { ...systemClock, sleep: () => systemClock.sleep(1) },
  })
}

const shown = ({ differences }: StoreAudit) =>
  differences.map(
    ({ key, field, expected, actual }) => `${key} ${field}: ${expected ?? '-'} | ${actual ?? '-'}`,
  )

describe('an untouched Redis', () => {
  it('equals the topic, whatever the order of partitions and the size of the steps', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.constantFrom(1, 7, 300), async (seed, size) => {
        await redis.empty()
        const logs = fleetLogs({ ...shape, records: 400, seed })
        await fill(redis.store({ streamEventsMax, budget: size }), logs, size)
        const found = await audit(logs)
        expect(shown(found)).toEqual([])
        expect(found.compared['members']).toBeGreaterThan(50)
      }),
      { numRuns: Number(process.env['PBT_RUNS'] ?? 15) },
    )
  })
})

describe.each(Object.keys(structures))('one thing changed by hand in %s', (name) => {
  it('is named with its key, its field and both values', async () => {
    const logs = fleetLogs({ ...shape, seed: name.length })
    await fill(redis.store({ streamEventsMax }), logs, 50)
    await fc.assert(
      fc.asyncProperty(fc.noBias(fc.nat()), async (seed) => {
        const next = chance(seed)
        const pick = (below: number) => Math.floor(next() * below)
        const keys = await redis.client.run('keys', (client) => client.keys('*'))
        const change = await structures[name]?.({ redis: redis.client, keys: keys.sort(), pick })
        if (change === undefined) throw new Error('unknown structure')
        const undo = await make(change)
        const found = await audit(logs)
        await undo()
        const what = JSON.stringify(change.commands.at(-1)).slice(0, 500)
        const said = `${what}\n${shown(found).join('\n')}`
        expect(found.differences.some(change.isNamedBy), said).toBe(true)
      }),
      { numRuns: Number(process.env['PBT_RUNS'] ?? 8) },
    )
    expect(shown(await audit(logs))).toEqual([])
  })
})

/** Changes the database; what comes back puts the key as it was. */
async function make({ key, commands }: Change): Promise<() => Promise<void>> {
  const stray = commands.map(([, named]) => String(named)).filter((named) => named !== key)
  return await redis.client.run('change', async (client) => {
    const before = (await client.exists(key)) === 1 ? await client.dumpBuffer(key) : null
    for (const [command, ...args] of commands) await client.call(String(command), ...args)
    return async () => {
      await redis.client.run('undo', async (again) => {
        await again.del(key, ...stray)
        if (before !== null) await again.restore(key, 0, before)
      })
    }
  })
}
