import { deadLetterAvro, type DeadLetter } from '@faultline/contracts/dead-letter'
import {
  enrichedMeasurementAvro,
  type PackedMeasurement,
} from '@faultline/contracts/enriched-measurement'
import { consumerGroups, topics } from '@faultline/contracts/topics'
import { createReferenceScorer } from '@faultline/core/scoring'
import type { Clock } from '@faultline/runtime/clock'
import { startOpsServer, type Readiness } from '@faultline/runtime/health'
import {
  connectKafka,
  kafkajsTopicHistory,
  kafkajsTransactionalProducers,
  startPartitionReader,
  startTableFeed,
  type GroupOffsets,
  type KafkaConnection,
  type PartitionReader,
  type TableFeed,
} from '@faultline/runtime/kafka'
import type { ProcessContext } from '@faultline/runtime/lifecycle'
import { Metrics } from '@faultline/runtime/metrics'
import {
  createDecoder,
  createEncoder,
  createProjection,
  httpSchemaRegistry,
  type SchemaRegistry,
} from '@faultline/runtime/registry'
import { Catalog } from './catalog/catalog.ts'
import { createCatalogFeed } from './catalog/catalog-feed.ts'
import { capturedMeasurementAvro } from './change/captured-measurement.ts'
import type { EnricherConfig } from './config.ts'
import { createEnricherMetrics } from './enricher-metrics.ts'
import { EnricherHandler } from './partition/enricher-handler.ts'
import type { EnrichmentTools } from './partition/partition-enricher.ts'

/** Bounds a batch, and with it the memory of a backlog: about 3,000 measurements of 100 channels. */
const maxBytesPerPartition = 2_097_152

/** Puts the enricher together and starts it: catalog first, then the partitions. */
export async function startEnricher(
  config: EnricherConfig,
  context: ProcessContext,
  clock: Clock,
): Promise<void> {
  const { scope, logger } = context
  const fail = (error: unknown): void => {
    context.fail(error)
  }
  const metrics = new Metrics()
  const running: { reader?: PartitionReader } = {}
  await scope.start('ops', () =>
    startOpsServer({
      listen: config.opsListen,
      metrics,
      readiness: () => readiness(running.reader),
    }),
  )
  const connection = await scope.start('kafka', () =>
    connectKafka({ brokers: config.brokers, clientId: 'faultline-enricher', logger }),
  )
  const registry = httpSchemaRegistry(config.registryUrl)
  const catalog = new Catalog((problem) => {
    logger.error(problem, 'a catalog row is not used as it is')
  })
  let onCatalogApplied = (): void => undefined
  const catalogFeed = await scope.start('catalog', () =>
    startTableFeed({
      ...connection,
      topics: [config.topics.models, config.topics.catalog],
      onRecords: createCatalogFeed({
        catalog,
        topics: config.topics,
        decode: createDecoder(registry),
        onApplied: () => {
          onCatalogApplied()
        },
      }),
      onFatal: fail,
    }),
  )
  const tools = await createTools({ config, registry, catalog, clock })
  const observer = createEnricherMetrics(metrics, config.topics.measurements, () => clock.now())
  let handler: EnricherHandler | undefined
  running.reader = await scope.start('partitions', () =>
    startPartitionReader({
      ...connection,
      group: consumerGroups.enricher,
      topic: config.topics.measurements,
      start: config.start,
      maxBytesPerPartition,
      clock,
      logger,
      onFatal: fail,
      handler: ({ offsets }) =>
        (handler = createHandler({ connection, offsets, tools, catalogFeed, observer })),
    }),
  )
  onCatalogApplied = () => {
    const { reader } = running
    for (const partition of reader?.owned() ?? []) {
      void reader?.between(partition, async () => handler?.onCatalogChange(partition))
    }
  }
  logger.info('enricher started')
}

interface HandlerParts {
  readonly connection: KafkaConnection
  readonly offsets: GroupOffsets
  readonly tools: EnrichmentTools
  readonly catalogFeed: TableFeed
  readonly observer: ReturnType<typeof createEnricherMetrics>
}

function createHandler({ connection, observer, ...parts }: HandlerParts): EnricherHandler {
  return new EnricherHandler({
    ...parts,
    ...observer,
    group: consumerGroups.enricher,
    producers: kafkajsTransactionalProducers(connection.kafka),
    history: kafkajsTopicHistory(connection.kafka, connection.admin),
  })
}

interface ToolParts {
  readonly config: EnricherConfig
  readonly registry: SchemaRegistry
  readonly catalog: Catalog
  readonly clock: Clock
}

async function createTools({
  config,
  registry,
  catalog,
  clock,
}: ToolParts): Promise<EnrichmentTools> {
  const captured = createProjection(registry, capturedMeasurementAvro, 'decode whole')
  return {
    catalog,
    scorer: createReferenceScorer({ halfLifeMs: config.scoring.faultHalfLifeMs }),
    decode: captured.later,
    decodeKnown: captured.now,
    encodeEnriched: await createEncoder<PackedMeasurement>(
      registry,
      config.topics.enriched,
      enrichedMeasurementAvro,
    ),
    encodeDeadLetter: await createEncoder<DeadLetter>(
      registry,
      topics.deadLetterMeasurements,
      deadLetterAvro,
    ),
    now: () => clock.now(),
    topics: {
      measurements: config.topics.measurements,
      enriched: config.topics.enriched,
      state: topics.enricherState,
      deadLetters: topics.deadLetterMeasurements,
    },
    limits: config.limits,
  }
}

/** Not ready while an assigned partition is still being taken over: its measurements wait. */
function readiness(reader: PartitionReader | undefined): Readiness {
  const partitions = reader?.owned() ?? []
  const taking_over = reader?.takingOver() ?? []
  const ready = partitions.length > 0 && taking_over.length === 0
  return { ready, detail: { partitions, taking_over } }
}
