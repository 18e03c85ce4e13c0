import {
  enrichedMeasurementAvro,
  type EnrichedMeasurement,
} from '@faultline/contracts/enriched-measurement'
import { consumerGroups, topics } from '@faultline/contracts/topics'
import { createReferenceScorer } from '@faultline/core/scoring'
import { FaultlineError } from '@faultline/runtime/errors'
import {
  committedOffset,
  connectKafka,
  kafkajsTopicHistory,
  kafkajsTransactionalProducers,
  resolveStart,
  startTableFeed,
  topicPartitions,
  type KafkaConnection,
} from '@faultline/runtime/kafka'
import { ensureTopics } from '@faultline/runtime/kafka-admin'
import { runTool } from '@faultline/runtime/lifecycle'
import { createLogger } from '@faultline/runtime/logging'
import {
  createDecoder,
  createEncoder,
  decodeKnown,
  httpSchemaRegistry,
  type SchemaRegistry,
} from '@faultline/runtime/registry'
import { Catalog } from '../catalog/catalog.ts'
import { createCatalogFeed } from '../catalog/catalog-feed.ts'
import { parseEnrichmentConfig, type EnrichmentConfig } from '../config.ts'
import {
  replayPartition,
  type ReplayRange,
  type ReplayResult,
  type ReplayTools,
} from './replay-partition.ts'
import { addUp, describe, exitCodeOf } from './report.ts'
import { parseRequest, type ReplayRequest } from './request.ts'

runTool(async () => {
  const request = parseRequest(process.argv[2])
  const config = parseEnrichmentConfig(process.env)
  const logger = createLogger('replay', process.env['LOG_LEVEL'] ?? 'warn')
  const connection = await connectKafka({
    brokers: config.brokers,
    clientId: 'faultline-replay',
    logger,
  })
  try {
    const started = performance.now()
    const results = await replayAll({ request, config, connection: connection.value })
    const report = addUp(results, (performance.now() - started) / 1_000)
    process.stdout.write(`${request.json ? JSON.stringify(report) : describe(report)}\n`)
    return exitCodeOf(report)
  } finally {
    await connection.stop()
  }
})

interface ReplayParts {
  readonly request: ReplayRequest
  readonly config: EnrichmentConfig
  readonly connection: KafkaConnection
}

async function replayAll(parts: ReplayParts): Promise<ReadonlyMap<number, ReplayResult>> {
  const { request, config, connection } = parts
  const { admin } = connection
  const registry = httpSchemaRegistry(config.registryUrl)
  const partitions = await topicPartitions(admin, config.topics.measurements)
  if (request.into !== undefined) await prepareTarget(parts, request.into, partitions)
  const ranges: ReplayRange[] = []
  for (const partition of partitions) {
    if (request.from.at === 'offsets' && !request.from.byPartition.has(partition)) continue
    ranges.push(await rangeOf(parts, partition))
  }
  // After the ends are known: the catalog holds every row then that was joined before them.
  const enrichment = await createEnrichment(parts, registry)
  const history = kafkajsTopicHistory(connection.kafka, admin)
  const results = new Map<number, ReplayResult>()
  for (const range of ranges) {
    const { outputs, close } = await openOutputs(parts, registry, range.partition)
    try {
      results.set(
        range.partition,
        await replayPartition({ history, enrichment, ...outputs }, range),
      )
    } finally {
      await close()
    }
  }
  return results
}

/** From where to where in the raw topic: never beyond what the enricher has committed, which is not in the topic yet. */
async function rangeOf(
  { request, config, connection: { admin } }: ReplayParts,
  partition: number,
): Promise<ReplayRange> {
  const source = { topic: config.topics.measurements, partition }
  const group = { group: consumerGroups.enricher, topic: source.topic }
  const done = (await committedOffset(admin, group, partition))?.offset ?? 0
  const from = await resolveStart(admin, source, request.from)
  const wanted = request.to === undefined ? done : await resolveStart(admin, source, request.to)
  return { partition, from, to: Math.min(done, wanted) }
}

async function createEnrichment(
  { config, connection }: ReplayParts,
  registry: SchemaRegistry,
): Promise<ReplayTools['enrichment']> {
  // What is wrong with a catalog row, the enricher's log says.
  const catalog = new Catalog(() => undefined)
  const decode = createDecoder(registry)
  const failed = Promise.withResolvers<never>()
  const feed = await startTableFeed({
    ...connection,
    topics: [config.topics.models, config.topics.catalog],
    onRecords: createCatalogFeed({
      catalog,
      topics: config.topics,
      decode,
      onApplied: () => undefined,
    }),
    onFatal: failed.reject,
  })
  try {
    await Promise.race([feed.value.caughtUp(), failed.promise])
  } finally {
    await feed.stop()
  }
  return {
    catalog,
    scorer: createReferenceScorer({ halfLifeMs: config.scoring.faultHalfLifeMs }),
    decode,
    decodeKnown: (value: Buffer) => decodeKnown(registry, value),
    now: Date.now,
    topics: {
      measurements: config.topics.measurements,
      enriched: config.topics.enriched,
      state: topics.enricherState,
      deadLetters: topics.deadLetterMeasurements,
    },
    limits: config.limits,
  }
}

/** Opened before anything is compared: that ends a transaction which a killed run left behind. */
async function openOutputs(
  { request, config, connection }: ReplayParts,
  registry: SchemaRegistry,
  partition: number,
): Promise<{ outputs: Pick<ReplayTools, 'correct' | 'into'>; close: () => Promise<void> }> {
  const producers = kafkajsTransactionalProducers(connection.kafka)
  const encoder = (topic: string) =>
    createEncoder<EnrichedMeasurement>(registry, topic, enrichedMeasurementAvro)
  const { into, correct } = request
  const intoProducer =
    into === undefined ? null : await producers.open(`faultline-replay-${into}-${partition}`)
  const corrector = correct
    ? await producers.open(`faultline-replay-${config.topics.enriched}-${partition}`)
    : null
  const outputs = {
    ...(corrector !== null && {
      correct: { producer: corrector, encode: await encoder(config.topics.enriched) },
    }),
    ...(into !== undefined &&
      intoProducer !== null && {
        into: { topic: into, producer: intoProducer, encode: await encoder(into) },
      }),
  }
  const close = async () => {
    await intoProducer?.close()
    await corrector?.close()
  }
  return { outputs, close }
}

/** Makes the topic, or sees that it is empty: the result of two runs in one topic would be worth nothing. */
async function prepareTarget(
  { config, connection: { admin } }: ReplayParts,
  into: string,
  partitions: readonly number[],
): Promise<void> {
  const own: readonly string[] = [...Object.values(topics), ...Object.values(config.topics)]
  if (own.includes(into)) {
    throw new FaultlineError('ARGUMENT_INVALID', `${into} is a topic of the product`, {
      remedy: 'Choose another name for --into.',
    })
  }
  await ensureTopics(config.brokers, [{ name: into, partitions: partitions.length, config: {} }])
  const offsets = await admin.fetchTopicOffsets(into)
  if (offsets.every(({ low, high }) => low === high)) return
  throw new FaultlineError('ARGUMENT_INVALID', `${into} is not empty`, {
    remedy: 'Delete it, or choose another name for --into.',
  })
}
