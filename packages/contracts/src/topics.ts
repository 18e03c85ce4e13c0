/**
 * Every Kafka topic of the product, named once. Debezium's names follow from its `topic.prefix` and the table.
 * Three names can be changed by the environment (TOPIC_CATALOG, TOPIC_MEASUREMENTS, ENRICH_TOPIC: see environment.ts).
 */
export const topics = {
  deviceModels: 'postgres.public.device_models',
  deviceCatalog: 'postgres.public.device_catalog',
  rawMeasurements: 'postgres.public.raw_measurements',
  deviceEvents: 'postgres.public.device_events',
  alarmActions: 'postgres.public.alarm_actions',
  enrichedMeasurements: 'enriched_measurements',
  deadLetterMeasurements: 'dead_letter_measurements',
  /** What became of a dead letter; same partition numbers as deadLetterMeasurements, compacted. */
  deadLetterDecisions: 'dead_letter_decisions',
  /** Changelog of the enricher's per-device state; same partition numbers as rawMeasurements, compacted. */
  enricherState: 'enricher_state',
} as const

/** Consumer groups, one per reading application. */
export const consumerGroups = {
  enricher: 'faultline-enricher',
  redisConsumer: 'faultline-redis-consumer',
  clickhouseSink: 'faultline-clickhouse-sink',
} as const

/** How a topic is created by `faultline up` (and by hand in production; see docs/operating.md). */
export interface TopicSpec {
  readonly name: string
  readonly partitions: number
  readonly config: Readonly<Record<string, string>>
}

const keepForever = { 'cleanup.policy': 'delete', 'retention.ms': '-1', 'retention.bytes': '-1' }
/** More than the broker takes for a raw record, because these hold one with something around it. */
const holdsRawRecords = { 'max.message.bytes': '12582912' }
/**
 * A successor reads the whole topic before it begins, and the newest segment is never compacted: with Kafka's segments of 1 GB that
 * was minutes of changes, and every restart took longer than the one before. No smaller than the largest message.
 */
const compacted = {
  'cleanup.policy': 'compact',
  'segment.bytes': '16777216',
  'min.cleanable.dirty.ratio': '0.1',
  'segment.ms': '600000',
  'max.compaction.lag.ms': '3600000',
}
const week = { 'cleanup.policy': 'delete', 'retention.ms': '604800000' }

/**
 * The topics with their settings. `measurementPartitions` is shared by raw, enriched, state and dead letters with their decisions, because an
 * enriched record keeps the partition number of its raw record.
 */
export function topicSpecs(measurementPartitions: number): readonly TopicSpec[] {
  const catalog = [
    topics.deviceModels,
    topics.deviceCatalog,
    topics.deviceEvents,
    topics.alarmActions,
  ]
  return [
    ...catalog.map((name) => ({ name, partitions: 1, config: keepForever })),
    { name: topics.rawMeasurements, partitions: measurementPartitions, config: week },
    { name: topics.enrichedMeasurements, partitions: measurementPartitions, config: week },
    {
      name: topics.enricherState,
      partitions: measurementPartitions,
      config: { ...compacted, ...holdsRawRecords },
    },
    {
      name: topics.deadLetterMeasurements,
      partitions: measurementPartitions,
      config: { ...keepForever, ...holdsRawRecords },
    },
    { name: topics.deadLetterDecisions, partitions: measurementPartitions, config: compacted },
  ]
}
