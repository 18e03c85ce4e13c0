import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  enrichedMeasurementAvro,
  type EnrichedMeasurement,
} from '@faultline/contracts/enriched-measurement'
import { allTypes, redisKeys } from '@faultline/contracts/redis-keys'
import { topics } from '@faultline/contracts/topics'
import { connectKafka } from '@faultline/runtime/kafka'
import { createLogger } from '@faultline/runtime/logging'
import { createEncoder, httpSchemaRegistry } from '@faultline/runtime/registry'
import { askClickhouse } from '../../support/chain/counts.ts'
import { readEnriched, type EnrichedRecord } from '../../support/chain/enriched-topic.ts'
import { untilSettled, verifyChain } from '../../support/chain/verify-chain.ts'
import { redisCommand } from '../../faults/tools/processes/redis-data.ts'
import { eventually } from '../../support/eventually.ts'
import { patience, toPostgres, uniqueName } from '../../support/product/changes.ts'
import { faultline, faultlineOk } from '../../support/product/faultline-command.ts'
import { hvacReadings, insertRows, registerUnits } from '../../support/product/fleet.ts'
import { product } from '../../support/product/product.ts'

const [healthy, hot] = [uniqueName('healthy'), uniqueName('hot')]
const readings = hvacReadings()
let from: string

beforeAll(async () => {
  const postgres = await toPostgres()
  await registerUnits(postgres, [healthy, hot])
  await postgres.close()
  from = new Date().toISOString()
  const measuredAtMs = Date.now() - 60_000
  await insertRows(product().databaseUrl, [
    { deviceId: healthy, measuredAtMs, readings },
    { deviceId: hot, measuredAtMs, readings: hvacReadings({ 0: 60 }) },
  ])
  await untilSettled(product(), 120_000)
})
afterAll(() => verifyChain(product()))

/** What the topic, Redis and ClickHouse say of the healthy device's one measurement. */
async function shown() {
  const summary = await redisCommand(
    product().redisUrl,
    ...['HMGET', redisKeys.deviceSummary(healthy), 'revision', 'alert_level', 'events_total'],
  )
  const rank = await redisCommand(
    product().redisUrl,
    ...['ZRANK', redisKeys.topFaults(allTypes), healthy],
  )
  const score = await askClickhouse(
    product(),
    `SELECT argMax(fault_score, revision) FROM app.enriched_measurements WHERE device_id = '${healthy}'`,
  )
  const revisions = await askClickhouse(
    product(),
    `SELECT max(revision) FROM app.enriched_measurements WHERE device_id = '${healthy}'`,
  )
  return { summary, isRanked: rank !== null, score, revisions }
}

/** A correction that an enricher with a mistake might have written: it says of the healthy device what is true of the hot one. */
async function writeWrong(): Promise<EnrichedMeasurement> {
  const records = await readEnriched(product())
  const newest = (id: string): EnrichedRecord | undefined =>
    records.findLast(({ device_id }) => device_id === id)
  const [right, other] = [newest(healthy), newest(hot)?.measurement]
  if (right?.measurement == null || other == null) throw new Error('a device has no measurement')
  const { fault_score, alert_level, fault_reasons, explanation } = other
  const score = { fault_score, alert_level, fault_reasons, explanation }
  const wrong = { ...right.measurement, ...score, revision: 2, readings: [...readings] }
  const kafka = await connectKafka({
    brokers: product().kafkaBootstrap.split(','),
    clientId: 'corrections',
    logger: createLogger('corrections', 'silent'),
  })
  const registry = httpSchemaRegistry(product().schemaRegistryUrl)
  const encode = await createEncoder(registry, topics.enrichedMeasurements, enrichedMeasurementAvro)
  const producer = kafka.value.kafka.producer()
  await producer.connect()
  const { partition } = right
  const messages = [{ partition, key: healthy, value: encode(wrong) }]
  await producer.send({ topic: topics.enrichedMeasurements, messages })
  await producer.disconnect()
  await kafka.stop()
  return wrong
}

it('takes effect in Redis and in ClickHouse, once, in the place of what was wrong', async () => {
  const { home } = product()
  const wrong = await writeWrong()
  expect(wrong.fault_score).toBeGreaterThan(0)
  await eventually(async () => {
    expect(await shown()).toEqual({
      summary: ['2', wrong.alert_level, '1'],
      isRanked: true,
      score: wrong.fault_score,
      revisions: 2,
    })
  }, patience)

  const found = await faultline(home, ['replay', from, '--json'])
  expect(JSON.parse(found.stdout)).toMatchObject({ counts: { different: 1 } })
  expect(found.code).toBe(3)
  await faultline(home, ['replay', from, '--correct'])
  await faultlineOk(home, ['replay', from])
  await faultline(home, ['replay', from, '--correct'])

  await eventually(async () => {
    expect(await shown()).toEqual({
      summary: ['3', 'normal', '1'],
      isRanked: false,
      score: 0,
      revisions: 3,
    })
  }, patience)
  await faultlineOk(home, ['verify'])
})
