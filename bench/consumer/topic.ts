import { enrichedMeasurementAvro } from '@faultline/contracts/enriched-measurement'
import { environment as names } from '@faultline/contracts/environment'
import { topics, topicSpecs } from '@faultline/contracts/topics'
import { connectKafka } from '@faultline/runtime/kafka'
import { ensureTopics } from '@faultline/runtime/kafka-admin'
import { createLogger } from '@faultline/runtime/logging'
import { createEncoder, httpSchemaRegistry } from '@faultline/runtime/registry'
import { enrichedMeasurement } from '../../test/support/enriched-measurements.ts'
import { hvacReadings } from '../../test/support/product/fleet.ts'
import type { Environment } from '../back-ends.ts'

export const deviceCount = 500
const partitions = 4
const firstAtMs = Date.UTC(2026, 0, 1)
const intervalMs = 60_000

/** Measurements of all devices once a minute; one in twelve is a fault, as in a fleet with a few broken units. */
export function measurementAt(n: number) {
  const device = n % deviceCount
  const isFault = (device * 7_919 + Math.floor(n / deviceCount / 30)) % 12 === 0
  const measured_at = firstAtMs + Math.floor(n / deviceCount) * intervalMs + device
  const explanation = {
    ...({ source: 'rule', code: 'HIGH_TEMP', channel: 'temp_supply_air' } as const),
    ...{ value: 38.5, limit: 35, contribution: 0.6 },
  }
  return enrichedMeasurement({
    event_id: String(n + 1),
    device_id: `AC-${String(device).padStart(4, '0')}`,
    type: device % 5 === 0 ? 'ahu' : 'hvac',
    name: `Unit ${device}`,
    location: 'Depot North',
    car_number: device % 8,
    measured_at,
    committed_at: measured_at + 400,
    enriched_at: measured_at + 450,
    fault_score: isFault ? 0.6 : 0,
    alert_level: isFault ? 'warning' : 'normal',
    fault_reasons: isFault ? ['HIGH_TEMP'] : [],
    explanation: isFault ? [explanation] : [],
    features: { max_z: 2.5, events: 120 },
    readings: [...hvacReadings({ 0: 18 + (n % 30) / 10 })],
    source: { partition: device % partitions, offset: n, lsn: n, transaction: null },
  })
}

/** Makes a topic of the settings of the enriched one, and writes records into it. */
export async function writeTopic(
  env: Environment,
  { topic, records }: { readonly topic: string; readonly records: number },
): Promise<void> {
  const brokers = (env[names.kafkaBootstrap] ?? '').split(',')
  const logger = createLogger('bench', 'silent')
  const kafka = await connectKafka({ brokers, clientId: 'bench', logger })
  const specs = topicSpecs(partitions).filter(({ name }) => name === topics.enrichedMeasurements)
  await ensureTopics(
    brokers,
    specs.map((spec) => ({ ...spec, name: topic })),
  )
  const registry = httpSchemaRegistry(env[names.schemaRegistryUrl] ?? '')
  const encode = await createEncoder(registry, topic, enrichedMeasurementAvro)
  const producer = kafka.value.kafka.producer()
  await producer.connect()
  const perRequest = 3_000
  for (let start = 0; start < records; start += perRequest) {
    const messages = Array.from({ length: Math.min(perRequest, records - start) }, (_, i) => {
      const measurement = measurementAt(start + i)
      const { device_id, source } = measurement
      return { partition: source.partition, key: device_id, value: encode(measurement) }
    })
    await producer.send({ topic, messages })
  }
  await producer.disconnect()
  await kafka.stop()
}
