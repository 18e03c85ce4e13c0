import { spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { enrichedMeasurementAvro } from '@faultline/contracts/enriched-measurement'
import { environment as names } from '@faultline/contracts/environment'
import { progressFields, redisKeys } from '@faultline/contracts/redis-keys'
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

const database = 15
const program = join(import.meta.dirname, '../../../apps/redis-consumer/src/main.ts')
const t0 = 1_700_000_000_000
const timeout = 60_000

let kafka: Started<KafkaConnection>
let redis: ServingRedis
let consumer: ChildProcess
let topic: string
const written: DeviceChange[] = []

beforeAll(async () => {
  const { kafkaBootstrap, schemaRegistryUrl, redisUrl } = connection()
  const brokers = kafkaBootstrap.split(',')
  kafka = await connectKafka({ brokers, clientId: 'loss', logger: createLogger('t', 'silent') })
  redis = await openServingRedis(database)
  await redis.empty()
  topic = `loss-${randomUUID().slice(0, 8)}`
  await ensureTopics(brokers, [{ name: topic, partitions: 2, config: {} }])
  consumer = spawn(process.execPath, ['--disable-warning=TimeoutNegativeWarning', program], {
    stdio: 'ignore',
    env: {
      ...process.env,
      [names.kafkaBootstrap]: kafkaBootstrap,
      [names.schemaRegistryUrl]: schemaRegistryUrl,
      [names.redisUrl]: `${redisUrl}/${database}`,
      [names.opsListen]: '127.0.0.1:0',
      [names.enrichTopic]: topic,
    },
  })
})
afterAll(async () => {
  if (consumer.exitCode === null) {
    const exited = once(consumer, 'exit')
    consumer.kill()
    await exited
  }
  await Promise.all([redis.close(), kafka.stop()])
})

async function write(count: number) {
  const registry = httpSchemaRegistry(connection().schemaRegistryUrl)
  const encode = await createEncoder(registry, topic, enrichedMeasurementAvro)
  const producer = kafka.value.kafka.producer()
  await producer.connect()
  const messages = Array.from({ length: count }, () => {
    const at = written.length
    const measurement = enrichedMeasurement({
      event_id: String(at),
      device_id: `AC-${at % 10}`,
      measured_at: t0 + at * 60_000,
      committed_at: t0 + at * 60_000 + 40,
      fault_score: (at % 7) / 7,
    })
    written.push({ device_id: measurement.device_id, measurement })
    return { partition: at % 2, key: measurement.device_id, value: encode(measurement) }
  })
  await producer.send({ topic, messages })
  await producer.disconnect()
}

/** Until the store is what the topic says. */
const whole = () =>
  vi.waitFor(
    async () => {
      const expected = recount(written, rankingSettings)
      assertSameContents(await redis.contents(), expected, rankingSettings.halfLifeMs)
    },
    { timeout, interval: 100 },
  )

/** A copy of the database as it is now, which can take its place later. */
async function copy(): Promise<() => Promise<void>> {
  const entries = await redis.client.run('copy', async (client) => {
    const keys = await client.keys('*')
    return await Promise.all(keys.map(async (key) => [key, await client.dumpBuffer(key)] as const))
  })
  return async () => {
    await redis.client.run('go back', async (client) => {
      await client.flushdb()
      for (const [key, value] of entries) await client.restore(key, 0, value)
    })
  }
}

const epoch = () =>
  redis.client.run('epoch', async (client) =>
    Number(await client.hget(redisKeys.progress, progressFields.epoch(0))),
  )

it('Redis that lost data while nothing is written is filled again without a new record', async () => {
  await write(100)
  await whole()
  const goBack = await copy()
  await write(100)
  await whole()

  await redis.empty()
  await whole()
  await goBack()
  await whole()

  // A copy that lacks nothing but who owns the partitions: nothing is applied when it is noticed.
  const before = await epoch()
  await redis.client.run('a former owner', (client) =>
    client.hset(redisKeys.progress, progressFields.epoch(0), before - 1),
  )
  await vi.waitUntil(async () => (await epoch()) === before, { timeout, interval: 100 })
  expect(consumer.exitCode).toBeNull()
})
