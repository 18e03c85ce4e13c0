import { consumerGroups } from '@faultline/contracts/topics'
import type { Clock } from '@faultline/runtime/clock'
import { migrateClickhouse, startClickhouse } from '@faultline/runtime/clickhouse'
import { startOpsServer, type Readiness } from '@faultline/runtime/health'
import {
  connectKafka,
  startPartitionReader,
  startTableFeed,
  type KafkaConnection,
  type PartitionReader,
} from '@faultline/runtime/kafka'
import { runInBackground, type ProcessContext } from '@faultline/runtime/lifecycle'
import { Metrics } from '@faultline/runtime/metrics'
import { createDecoder, createProjection, httpSchemaRegistry } from '@faultline/runtime/registry'
import type { SinkConfig } from './config.ts'
import { createTableKeeper } from './feed/table-keeper.ts'
import { packedMeasurementAvro } from './partition/read-record.ts'
import { SinkHandler } from './partition/sink-handler.ts'
import { runRollUps } from './roll-up-loop.ts'
import { createRollUpObserver, createSinkObserver, type WarehouseState } from './sink-metrics.ts'
import { clickhouseWriter } from './warehouse/clickhouse-writer.ts'
import type { WarehouseWriter } from './warehouse/warehouse-writer.ts'

const clientName = 'faultline-clickhouse-sink'
/** Bounds a batch, and with it the memory of a backlog: about 3,000 measurements of 100 channels. */
const maxBytesPerPartition = 2_097_152
/** Rows wait for company anyway. */
const gather = { bytes: 262_144, ms: 500 }
/** A request that takes longer counts as failed; a roll-up step of a slow machine takes seconds. */
const requestTimeoutMs = 60_000
const rollUpEveryMs = 10_000
/** How often ranges are looked at that have waited long enough. */
const flushEveryMs = 50

/** Puts the sink together and starts it: tables, partitions, flushing, roll-ups, small tables. */
export async function startSink(
  config: SinkConfig,
  context: ProcessContext,
  clock: Clock,
): Promise<void> {
  const { scope, logger } = context
  const metrics = new Metrics()
  const state: WarehouseState = { problem: 'not asked yet' }
  const running: Running = {}
  await scope.start('ops', () =>
    startOpsServer({
      listen: config.opsListen,
      metrics,
      readiness: () => readiness(running, state),
    }),
  )
  const connection = await scope.start('kafka', () =>
    connectKafka({ brokers: config.brokers, clientId: clientName, logger }),
  )
  const url = config.clickhouseUrl
  const client = await scope.start('clickhouse', () =>
    Promise.resolve(startClickhouse({ url, clientName, requestTimeoutMs })),
  )
  const writer = clickhouseWriter({
    client,
    migrate: () => migrateClickhouse({ clickhouseUrl: url }),
  })
  await writer.ensure()
  state.problem = null
  const stopping = new AbortController()
  const parts = { config, context, clock, metrics, connection, writer, stopping: stopping.signal }
  await startReading({ ...parts, running, state })
  const loops = [
    flushInTime(running, clock, stopping.signal),
    runRollUps(
      {
        topic: config.topics.enriched,
        writer,
        confirmed: () => confirmedOffsets(running),
        onProgress: createRollUpObserver(metrics),
        everyMs: rollUpEveryMs,
        clock,
        logger,
      },
      stopping.signal,
    ),
  ]
  // Stopped first: whoever waits for a back end stops waiting, then the rest can stop.
  runInBackground(context, { name: 'waiting', stopping, loops })
  logger.info('sink started')
}

interface Parts {
  readonly config: SinkConfig
  readonly context: ProcessContext
  readonly clock: Clock
  readonly metrics: Metrics
  readonly connection: KafkaConnection
  readonly writer: WarehouseWriter
  readonly stopping: AbortSignal
  readonly running: Running
  readonly state: WarehouseState
}

/** Starts reading the enriched topic, as a member of the group, and the small tables, on our own. */
async function startReading(parts: Parts): Promise<void> {
  const { config, context, clock, metrics, connection, writer, stopping, running, state } = parts
  const { scope, logger } = context
  const onFatal = (error: unknown): void => {
    context.fail(error)
  }
  const registry = httpSchemaRegistry(config.registryUrl)
  const decode = createDecoder(registry)
  const measurements = createProjection(registry, packedMeasurementAvro, 'decode whole')
  const topic = config.topics.enriched
  const observer = createSinkObserver(metrics, { topic, now: () => clock.now(), state })
  running.reader = await scope.start('partitions', () =>
    startPartitionReader({
      ...connection,
      group: consumerGroups.clickhouseSink,
      topic,
      start: config.start,
      maxBytesPerPartition,
      gather,
      clock,
      logger,
      onFatal,
      handler: ({ offsets }) =>
        (running.handler = new SinkHandler({
          topic,
          offsets,
          writer,
          decoder: { decode: measurements.later, decodeKnown: measurements.now },
          limits: config.limits,
          observer,
          clock,
          logger,
          random: Math.random,
          stopping,
        })),
    }),
  )
  await scope.start('small tables', () =>
    startTableFeed({
      ...connection,
      topics: [config.topics.models, config.topics.events],
      onRecords: createTableKeeper({
        writer,
        topics: config.topics,
        decode,
        clock,
        logger,
        stopping,
      }),
      onFatal,
    }),
  )
}

function readiness({ reader }: Running, { problem }: WarehouseState): Readiness {
  const partitions = reader?.owned() ?? []
  const taking_over = reader?.takingOver() ?? []
  const ready = partitions.length > 0 && taking_over.length === 0 && problem === null
  return { ready, detail: { partitions, taking_over, warehouse: problem ?? 'answers' } }
}

interface Running {
  reader?: PartitionReader
  handler?: SinkHandler
}

function confirmedOffsets({ reader, handler }: Running): ReadonlyMap<number, number> {
  const confirmed = new Map<number, number>()
  for (const partition of reader?.owned() ?? []) {
    const end = handler?.confirmed(partition)
    if (end !== null && end !== undefined) confirmed.set(partition, end)
  }
  return confirmed
}

/** Writes ranges that have waited long enough, between two batches of their partition. */
async function flushInTime(running: Running, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { reader, handler } = running
    if (reader !== undefined && handler !== undefined) {
      const flush = (partition: number) => reader.between(partition, () => handler.flush(partition))
      await Promise.all(handler.due().map(flush))
    }
    await clock.sleep(flushEveryMs, signal).catch(() => undefined)
  }
}
