import type { EnrichedMeasurement } from '@faultline/contracts/enriched-measurement'
import { topics } from '@faultline/contracts/topics'
import { connectKafka, kafkajsTopicHistory, type TopicHistory } from '@faultline/runtime/kafka'
import { createLogger } from '@faultline/runtime/logging'
import { createDecoder, httpSchemaRegistry, type Decode } from '@faultline/runtime/registry'
import type { Product } from '../../test/support/product/product.ts'

/** When what happened to a measurement, epoch ms, as its records in the topics tell. */
export interface Passage {
  /** Debezium had read the change from the log. */
  readonly captured: number
  /** Connect's producer took the record. */
  readonly produced: number
  readonly enriched: number
  /** The enricher's producer took the enriched record. */
  readonly sent: number
}

interface Position {
  readonly partition: number
  readonly next: number
}

/** Looks the samples up in the topics afterwards, so that looking costs the chain nothing while it is measured. */
export async function openTopics(product: Pick<Product, 'kafkaBootstrap' | 'schemaRegistryUrl'>) {
  const connected = await connectKafka({
    brokers: product.kafkaBootstrap.split(','),
    clientId: 'bench-latency',
    logger: createLogger('bench', 'silent'),
  })
  const kafka = connected.value
  const history = kafkajsTopicHistory(kafka.kafka, kafka.admin)
  const decode = createDecoder(httpSchemaRegistry(product.schemaRegistryUrl))
  const ends = async (): Promise<Position[]> => {
    const found = await kafka.admin.fetchTopicOffsets(topics.enrichedMeasurements)
    return found.map(({ partition, high }) => ({ partition, next: Number(high) }))
  }
  return {
    ends,
    stop: () => connected.stop(),
    passages: (from: readonly Position[]) => passages(history, decode, from),
  }
}

/** By device and time of measurement: see `sampleKey`. */
async function passages(
  history: TopicHistory,
  decode: Decode,
  from: readonly Position[],
): Promise<ReadonlyMap<string, Passage>> {
  const found = new Map<string, Passage>()
  for (const { partition, next } of from) {
    const raw = await rawTimes(history, decode, partition)
    const topic = topics.enrichedMeasurements
    await history.replay({ topic, partition, from: next }, async (records) => {
      for (const { value, timestampMs: sent } of records) {
        if (value === null) continue
        const record = (await decode(value)) as EnrichedMeasurement
        const times = raw.get(record.source.offset)
        if (times === undefined) continue
        const key = sampleKey(record.device_id, record.measured_at)
        found.set(key, { ...times, enriched: record.enriched_at, sent })
      }
    })
  }
  return found
}

async function rawTimes(
  history: TopicHistory,
  decode: Decode,
  partition: number,
): Promise<ReadonlyMap<number, { readonly captured: number; readonly produced: number }>> {
  const times = new Map<number, { captured: number; produced: number }>()
  const range = { topic: topics.rawMeasurements, partition }
  await history.replay(range, async (records) => {
    for (const { value, offset, timestampMs: produced } of records) {
      if (value === null) continue
      const { ts_ms: captured } = (await decode(value)) as { readonly ts_ms: number }
      times.set(offset, { captured, produced })
    }
  })
  return times
}

export function sampleKey(deviceId: string, measuredAtMs: number): string {
  return `${deviceId} ${measuredAtMs}`
}
