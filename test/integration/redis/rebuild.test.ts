import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { enrichedMeasurementAvro } from '@faultline/contracts/enriched-measurement'
import { environment as names } from '@faultline/contracts/environment'
import { redisKeys } from '@faultline/contracts/redis-keys'
import { recount, type DeviceChange } from '@faultline/core/ranking'
import { connectKafka, type KafkaConnection } from '@faultline/runtime/kafka'
import { ensureTopics } from '@faultline/runtime/kafka-admin'
import type { Started } from '@faultline/runtime/lifecycle'
import { createLogger } from '@faultline/runtime/logging'
import { createEncoder, httpSchemaRegistry } from '@faultline/runtime/registry'
import {
  beginGeneration,
  markVerified,
  swapGeneration,
} from '../../../apps/redis-consumer/src/commands/generation-commands.ts'
import { readGeneration } from '../../../apps/redis-consumer/src/rebuild/generations.ts'
import { connection } from '../../support/connection.ts'
import { eventually } from '../../support/eventually.ts'
import { enrichedMeasurement } from '../../support/enriched-measurements.ts'
import { assertSameContents } from '../../support/serving-contents.ts'
import {
  openServingRedis,
  rankingSettings,
  type ServingRedis,
} from '../../support/serving-redis.ts'

const [liveDatabase, stagingDatabase] = [11, 12]
const program = join(import.meta.dirname, '../../../apps/redis-consumer/src/rebuild/main.ts')
// As the applications are started: kafkajs sets a timer in the past.
const nodeOptions = ['--disable-warning=TimeoutNegativeWarning']
const t0 = 1_700_000_000_000
const count = 1_000

interface Outcome {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

let kafka: Started<KafkaConnection>
let live: ServingRedis
let staging: ServingRedis
let topic: string
let written: DeviceChange[]
let armed: string

beforeAll(async () => {
  const brokers = connection().kafkaBootstrap.split(',')
  kafka = await connectKafka({ brokers, clientId: 'rebuild', logger: createLogger('t', 'silent') })
  live = await openServingRedis(liveDatabase)
  staging = await openServingRedis(stagingDatabase)
  topic = `rebuild-${randomUUID().slice(0, 8)}`
  await ensureTopics(brokers, [{ name: topic, partitions: 2, config: {} }])
  written = await writeTopic()
})
afterAll(async () => {
  await Promise.all([live.close(), staging.close(), kafka.stop()])
})
beforeEach(async () => {
  await live.empty()
  await staging.empty()
  armed = await mkdtemp(join(tmpdir(), 'faultline-rebuild-'))
})
afterEach(() => rm(armed, { recursive: true, force: true }))

async function writeTopic(): Promise<DeviceChange[]> {
  const registry = httpSchemaRegistry(connection().schemaRegistryUrl)
  const encode = await createEncoder(registry, topic, enrichedMeasurementAvro)
  const producer = kafka.value.kafka.producer()
  await producer.connect()
  const changes = Array.from({ length: count }, (_, i) => {
    const measurement = enrichedMeasurement({
      event_id: String(i),
      device_id: `AC-${i % 20}`,
      type: i % 20 < 12 ? 'hvac' : 'pump',
      measured_at: t0 + i * 60_000,
      committed_at: t0 + i * 60_000 + 40,
      fault_score: (i % 7) / 7,
    })
    return { device_id: measurement.device_id, measurement }
  })
  await producer.send({
    topic,
    messages: changes.map(({ measurement }, i) => ({
      partition: i % 2,
      key: measurement.device_id,
      value: encode(measurement),
    })),
  })
  await producer.disconnect()
  return changes
}

function run(...args: string[]): Promise<Outcome> {
  const { kafkaBootstrap, schemaRegistryUrl, redisUrl } = connection()
  const env = {
    ...process.env,
    [names.kafkaBootstrap]: kafkaBootstrap,
    [names.schemaRegistryUrl]: schemaRegistryUrl,
    [names.redisUrl]: `${redisUrl}/${liveDatabase}`,
    [names.redisStagingDb]: String(stagingDatabase),
    [names.enrichTopic]: topic,
    [names.failpoints]: armed,
  }
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [...nodeOptions, program, ...args],
      { env },
      (_, stdout, stderr) => {
        resolve({ exitCode: child.exitCode, stdout, stderr })
      },
    )
  })
}

const assertRebuilt = async () => {
  const expected = recount(written, rankingSettings)
  assertSameContents(await live.contents(), expected, rankingSettings.halfLifeMs)
}
const statusIn = (redis: ServingRedis) =>
  redis.client.run('status', (client) => client.hget(redisKeys.generation, 'status'))

describe('faultline rebuild redis', () => {
  it('builds, verifies and swaps in a generation; the former one can serve again', async () => {
    await live.client.run('old', (client) =>
      client.hset(redisKeys.progress, { '0': 3, 'epoch:0': 7 }),
    )
    const { exitCode, stdout, stderr } = await run('--json')
    expect(stderr).toBe('')
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ outcome: 'swapped', records: count, devices: 20 })
    await assertRebuilt()
    const progress = await live.client.run('progress', (c) => c.hgetall(redisKeys.progress))
    expect(progress).toMatchObject({ '0': '500', '1': '500', 'epoch:0': '7' })
    expect([await statusIn(live), await statusIn(staging)]).toEqual(['live', 'retired'])

    expect((await run('--rollback')).exitCode).toBe(0)
    const former = await live.client.run('progress', (c) => c.hget(redisKeys.progress, '0'))
    expect(former).toBe('3')
    expect((await run('--rollback')).stderr).toContain('REBUILD_REFUSED')
    expect((await run('--discard')).exitCode).toBe(0)
    expect(await staging.client.run('size', (client) => client.dbsize())).toBe(0)
  })

  it('leaves keys of somebody else alone', async () => {
    await staging.client.run('other', (client) => client.set('theirs', '1'))
    const { exitCode, stderr } = await run()
    expect(exitCode).toBe(1)
    expect(stderr).toContain('REBUILD_REFUSED')
    expect((await run('--discard')).exitCode).toBe(1)
    expect(await staging.client.run('other', (client) => client.get('theirs'))).toBe('1')
  })

  it('does not swap what it found to be wrong', async () => {
    await live.client.run('old', (client) => client.hset(redisKeys.progress, { '0': 3 }))
    await writeFile(join(armed, 'redis.mid-rebuild'), 'stop')
    const running = run()
    const stopped = await eventually(() => readFile(join(armed, 'redis.mid-rebuild.fired'), 'utf8'))
    await staging.client.run('damage', (client) =>
      client.hset(redisKeys.deviceSummary('AC-none'), { events_total: 1 }),
    )
    process.kill(Number(stopped.split(' ')[1]), 'SIGCONT')
    const { exitCode, stdout } = await running
    expect(stdout).toContain('device_summary:AC-none')
    expect(exitCode).toBe(3)
    expect([await statusIn(live), await statusIn(staging)]).toEqual([null, 'building'])
    const { exitCode: next } = await run('--json')
    expect(next).toBe(0)
    await assertRebuilt()
  })

  it('gives the former generation up only where the new one will fit', async () => {
    expect((await run()).exitCode).toBe(0)
    expect((await run()).exitCode).toBe(0)
    const former = await readGeneration(staging.client)
    const info = await staging.client.run('memory', (client) => client.info('memory'))
    const used = Number(/^used_memory:(\d+)/m.exec(info)?.[1])
    const limit = (bytes: number) =>
      live.client.run('limit', (client) => client.config('SET', 'maxmemory', bytes))
    await limit(Math.round(used * 1.05))
    const { exitCode, stderr } = await run().finally(() => limit(0))
    expect(exitCode).toBe(1)
    expect(stderr).toContain('two generations may not fit')
    expect(await readGeneration(staging.client)).toEqual(former)
    expect((await run('--rollback')).exitCode).toBe(0)
  })

  it('changes the half-life only where it is told to', async () => {
    const hour = 3_600_000
    await live.client.run('old', (client) =>
      client.hset(redisKeys.settings, { half_life_ms: 2 * hour }),
    )
    const { exitCode, stderr } = await run()
    expect(exitCode).toBe(1)
    expect(stderr).toContain(`half-life of ${2 * hour} ms, the new one ${hour} ms`)
    expect(await statusIn(staging)).toBeNull()
    expect((await run('--new-half-life')).exitCode).toBe(0)
    await assertRebuilt()
  })

  it.each([
    'redis.mid-rebuild',
    'redis.rebuild-verified-not-swapped',
    'redis.rebuild-swap-sent',
    'redis.rebuild-swapped-old-alive',
  ])('killed at %s, the next run brings it to its end', async (point) => {
    await writeFile(join(armed, point), 'kill')
    expect((await run()).exitCode).toBeNull()
    const { exitCode, stderr } = await run('--json')
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    await assertRebuilt()
    expect([await statusIn(live), await statusIn(staging)]).toEqual(['live', 'retired'])
  })
})

describe('the swap', () => {
  const exchange = (id: string) => ({
    liveDatabase,
    otherDatabase: stagingDatabase,
    id,
    nowMs: t0,
    isNewHalfLife: false,
  })

  it('refuses a generation that is not verified, and one that is not there', async () => {
    await beginGeneration(staging.client, { id: 'g1', nowMs: t0 })
    expect(await swapGeneration(live.client, exchange('g1'))).toEqual({ code: 'NOT_VERIFIED' })
    expect(await statusIn(staging)).toBe('building')
    expect(await markVerified(staging.client, { id: 'g2', nowMs: t0 })).toBe(false)
    expect(await swapGeneration(live.client, exchange('g2'))).toEqual({ code: 'NOT_HERE' })
    expect(await markVerified(staging.client, { id: 'g1', nowMs: t0 })).toBe(true)
    expect(await swapGeneration(live.client, exchange('g1'))).toEqual({ code: 'SWAPPED' })
    expect(await swapGeneration(live.client, exchange('g1'))).toEqual({ code: 'SERVES_ALREADY' })
  })

  it('refuses a generation with another half-life, which a running consumer would not notice', async () => {
    const set = (redis: ServingRedis, ms: number) =>
      redis.client.run('set', (client) => client.hset(redisKeys.settings, { half_life_ms: ms }))
    await beginGeneration(staging.client, { id: 'g1', nowMs: t0 })
    await markVerified(staging.client, { id: 'g1', nowMs: t0 })
    await set(live, 2_000)
    await set(staging, 1_000)
    const refused = { code: 'OTHER_HALF_LIFE', liveHalfLifeMs: 2_000, halfLifeMs: 1_000 }
    expect(await swapGeneration(live.client, exchange('g1'))).toEqual(refused)
    const allowed = { ...exchange('g1'), isNewHalfLife: true }
    expect(await swapGeneration(live.client, allowed)).toEqual({ code: 'SWAPPED' })
  })
})
