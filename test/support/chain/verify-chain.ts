import assert from 'node:assert/strict'
import { rankingWindowMs, redisKeys } from '@faultline/contracts/redis-keys'
import { recount } from '@faultline/core/ranking'
import { recomputeScore } from '@faultline/core/scoring'
import { createLogger } from '@faultline/runtime/logging'
import { connectRedis, type RedisClient } from '@faultline/runtime/redis'
import type { TestConnection } from '../connection.ts'
import { redisContents } from '../redis-contents.ts'
import { assertSameContents } from '../serving-contents.ts'
import { eventually } from '../eventually.ts'
import { askClickhouse, countInPostgres } from './counts.ts'
import { readEnriched, type EnrichedRecord } from './enriched-topic.ts'

const halfLifeMs = 3_600_000

export interface ChainCounts {
  readonly postgres: number
  readonly enriched: number
  readonly clickhouse: number
  readonly redis: number
}

/**
 * Holds the whole chain to its promise, at rest: each row of PostgreSQL once in the enriched topic, in ClickHouse and its
 * roll-ups, and in Redis, whose every structure equals a recount from nothing. Throws at the first difference.
 */
export async function verifyChain(connection: TestConnection): Promise<ChainCounts> {
  const records = await readEnriched(connection)
  const measurements = records.flatMap(({ measurement }) =>
    measurement === null ? [] : [measurement],
  )
  // A correction is one more record of its event, with the next revision.
  const events = measurements.filter(({ revision }) => revision === 1)
  const ids = new Set(events.map(({ event_id }) => event_id))
  const revisions = new Set(measurements.map(({ event_id, revision }) => `${event_id} ${revision}`))
  assert.equal(ids.size, events.length, 'an event is in the enriched topic twice')
  assert.equal(revisions.size, measurements.length, 'a correction is in the enriched topic twice')
  for (const { fault_score, explanation } of measurements) {
    assert.equal(
      recomputeScore(explanation),
      fault_score,
      'a score does not follow from its explanation',
    )
  }
  assertOrderKept(records)
  const { rows: postgres } = await countInPostgres(connection.databaseUrl)
  assert.equal(events.length, postgres, 'rows in PostgreSQL and in the enriched topic differ')
  const clickhouse = await verifyClickhouse(connection, measurements.length)
  const redis = await verifyRedis(connection, records)
  return { postgres, enriched: events.length, clickhouse, redis }
}

/** A device's rows keep the order in which they were committed. */
function assertOrderKept(records: readonly EnrichedRecord[]): void {
  const last = new Map<string, number>()
  for (const { device_id, measurement } of records) {
    if (measurement === null || measurement.revision > 1) continue
    const before = last.get(device_id) ?? -1
    assert.ok(measurement.source.offset > before, `the order of ${device_id} is broken`)
    last.set(device_id, measurement.source.offset)
  }
}

async function verifyClickhouse(connection: TestConnection, expected: number): Promise<number> {
  const rows = await askClickhouse(connection, 'SELECT count() FROM app.enriched_measurements')
  assert.equal(rows, expected, 'rows in the enriched topic and in ClickHouse differ')
  const distinct = await askClickhouse(
    connection,
    'SELECT uniqExact(topic_partition, topic_offset) FROM app.enriched_measurements',
  )
  assert.equal(distinct, expected, 'a record is in ClickHouse twice')
  const values = await readingsInClickhouse(connection)
  for (const rollUp of ['1min', '1hour', '1day'] as const) {
    const counted = await rolledUp(connection, rollUp)
    assert.equal(counted, values, `the roll-up by ${rollUp} does not hold every reading once`)
  }
  return rows
}

function readingsInClickhouse(connection: TestConnection): Promise<number> {
  return askClickhouse(
    connection,
    'SELECT sum(length(arrayFilter(x -> isFinite(x), readings))) FROM app.enriched_measurements WHERE revision = 1',
  )
}

function rolledUp(connection: TestConnection, rollUp: '1min' | '1hour' | '1day'): Promise<number> {
  return askClickhouse(connection, `SELECT sum(count) FROM app.metrics_${rollUp}`)
}

async function verifyRedis(
  connection: TestConnection,
  records: readonly EnrichedRecord[],
): Promise<number> {
  const expected = recount(records, { halfLifeMs, windows: rankingWindowMs })
  return withRedis(connection, async (redis) => {
    const actual = await redisContents(redis)
    assertSameContents(actual, expected, halfLifeMs)
    return [...actual.devices.values()].reduce((sum, { events_total }) => sum + events_total, 0)
  })
}

/** Waits until every row of PostgreSQL has its effect in Redis, in ClickHouse and in the coarsest roll-up. */
export async function untilSettled(connection: TestConnection, limitMs: number): Promise<void> {
  const { rows, ofRegistered } = await countInPostgres(connection.databaseUrl)
  const patience = { limitMs, everyMs: 200 }
  await withRedis(connection, (redis) =>
    eventually(async () => {
      const seen = {
        redis: await eventsInRedis(redis),
        clickhouse: await askClickhouse(
          connection,
          'SELECT count() FROM app.enriched_measurements WHERE revision = 1',
        ),
      }
      assert.deepEqual(seen, { redis: ofRegistered, clickhouse: rows })
    }, patience),
  )
  await eventually(async () => {
    const values = await readingsInClickhouse(connection)
    for (const rollUp of ['1min', '1hour', '1day'] as const) {
      assert.equal(await rolledUp(connection, rollUp), values, `roll-up by ${rollUp}`)
    }
  }, patience)
}

async function eventsInRedis(client: RedisClient): Promise<number> {
  return client.run('events', async (redis) => {
    const types = await redis.smembers(redisKeys.types)
    const events = await Promise.all(
      types.map((type) => redis.hget(redisKeys.fleetSummary(type), 'events')),
    )
    return events.reduce((sum, text) => sum + Number(text ?? 0), 0)
  })
}

async function withRedis<T>(
  { redisUrl }: Pick<TestConnection, 'redisUrl'>,
  work: (redis: RedisClient) => Promise<T>,
): Promise<T> {
  const logger = createLogger('verify', 'silent')
  const redis = await connectRedis({ url: redisUrl, clientName: 'verify', logger })
  try {
    return await work(redis.value)
  } finally {
    await redis.stop()
  }
}
