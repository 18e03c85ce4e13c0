import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
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
import { connection } from '../../support/connection.ts'
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
