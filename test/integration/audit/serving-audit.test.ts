import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { auditServing } from '@faultline/audit/serving'
import type { StoreAudit } from '@faultline/audit/report'
import type { ServingStore } from '../../../apps/redis-consumer/src/serving-store.ts'
import { feedOf } from '../../support/log-feed.ts'
import { fleetLogs, type LoggedRecord } from '../../support/serving-logs.ts'
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
const streamEventsMax = 150
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
  return auditServing({ redis: redis.client, ...feed, windowEventsMax, differencesMax: 200 })
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
