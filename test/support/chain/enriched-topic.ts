import type { EnrichedMeasurement } from '@faultline/contracts/enriched-measurement'
import { topics } from '@faultline/contracts/topics'
import { connectKafka, kafkajsTopicHistory } from '@faultline/runtime/kafka'
import { createLogger } from '@faultline/runtime/logging'
import { createDecoder, httpSchemaRegistry } from '@faultline/runtime/registry'
import type { TestConnection } from '../connection.ts'

/** What is kept of a record of the enriched topic; null: the tombstone of a deleted device. */
export interface EnrichedRecord {
  readonly partition: number
  readonly offset: number
  readonly device_id: string
  readonly measurement: EnrichedMeasurement | null
}

type KafkaAddresses = Pick<TestConnection, 'kafkaBootstrap' | 'schemaRegistryUrl'>

/** Reads the whole enriched topic, read_committed, from its beginning to its present end. Readings are left out. */
export async function readEnriched(connection: KafkaAddresses): Promise<readonly EnrichedRecord[]> {
  const kafka = await connectKafka({
    brokers: connection.kafkaBootstrap.split(','),
    clientId: 'verify',
    logger: createLogger('verify', 'silent'),
  })
  const decode = createDecoder(httpSchemaRegistry(connection.schemaRegistryUrl))
  const history = kafkajsTopicHistory(kafka.value.kafka, kafka.value.admin)
  const records: EnrichedRecord[] = []
  try {
    const { topics: found } = await kafka.value.admin.fetchTopicMetadata({
      topics: [topics.enrichedMeasurements],
    })
    for (const { partitionId: partition } of found[0]?.partitions ?? []) {
      const raw: { key: Buffer | null; value: Buffer | null; offset: number }[] = []
      await history.replay({ topic: topics.enrichedMeasurements, partition }, (batch) => {
        raw.push(...batch)
      })
      for (const { key, value, offset } of raw) {
        const measurement = value === null ? null : ((await decode(value)) as EnrichedMeasurement)
        records.push({
          partition,
          offset,
          device_id: String(key),
          measurement: measurement === null ? null : { ...measurement, readings: [] },
        })
      }
    }
  } finally {
    await kafka.stop()
  }
  return records
}
