import type { DeadLetter } from '@faultline/contracts/dead-letter'
import { createReferenceScorer } from '@faultline/core/scoring'
import { FaultlineError } from '@faultline/runtime/errors'
import type { PartitionHandler, PartitionReader } from '@faultline/runtime/kafka'
import { createLogger } from '@faultline/runtime/logging'
import type { Started } from '@faultline/runtime/lifecycle'
import { SinkHandler } from '../../apps/clickhouse-sink/src/partition/sink-handler.ts'
import { Catalog } from '../../apps/enricher/src/catalog/catalog.ts'
import { createCatalogFeed } from '../../apps/enricher/src/catalog/catalog-feed.ts'
import { EnricherHandler } from '../../apps/enricher/src/partition/enricher-handler.ts'
import type { EnrichmentTools } from '../../apps/enricher/src/partition/partition-enricher.ts'
import type { ConsumerMetrics } from '../../apps/redis-consumer/src/consumer-metrics.ts'
import { createRecordReader } from '../../apps/redis-consumer/src/decode-record.ts'
import { createPersist } from '../../apps/redis-consumer/src/persist.ts'
import { ServingPartitions } from '../../apps/redis-consumer/src/serving-partitions.ts'
import { transactionalProducers } from '../../packages/runtime/src/kafka/kafkajs/transactional-producers.ts'
import { startGroupReader } from './clients/group-reader.ts'
import { simTopicHistory, startSimTableFeed } from './clients/history.ts'
import { simTransactionRequests } from './clients/transaction-requests.ts'
import type { ModelRedis } from './model/model-redis.ts'
import type { ModelWarehouse } from './model/model-warehouse.ts'
import type { SimBroker } from './model/sim-broker.ts'
import type { Network } from './network.ts'
import type { Chance } from '../support/chance.ts'
import type { Scheduler } from './scheduler.ts'
import type { SimProcess } from './sim-process.ts'
import { simTopics } from './workload.ts'

export const simGroups = { enricher: 'enricher', consumer: 'consumer', sink: 'sink' } as const

/** When runs begin; no real time is looked at. */
export const startOfRun = Date.UTC(2026, 0, 2)
export type Application = keyof typeof simGroups

export interface WorldParts {
  readonly scheduler: Scheduler
  readonly random: Chance
  readonly network: Network
  readonly broker: SimBroker
  readonly redis: ModelRedis
  readonly warehouse: ModelWarehouse
  readonly partitions: number
  readonly batchMax: number
}

export interface Running {
  stop(): Promise<void>
}

const logger = createLogger('simulation', 'silent')
const nothing = (): void => undefined
const scorer = createReferenceScorer({ halfLifeMs: 3_600_000 })

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))

const decoded = new WeakMap<Buffer, { readonly value: unknown }>()

/** JSON stands in for Avro. Every reader of a record gets the same object: none of them changes it twice. */
export function decodeKnown(bytes: Buffer): { readonly value: unknown } {
  const known = decoded.get(bytes)
  if (known !== undefined) return known
  try {
    const result = { value: JSON.parse(bytes.toString()) as unknown }
    decoded.set(bytes, result)
    return result
  } catch (error) {
    throw new FaultlineError('RECORD_UNDECODABLE', 'not JSON', { cause: error })
  }
}

const decode = (value: Buffer): Promise<unknown> =>
  new Promise((resolve) => {
    resolve(decodeKnown(value).value)
  })

/** Starts an application in a process, put together as its composition root does it. */
export function startApplication(
  application: Application,
  world: WorldParts,
  process: SimProcess,
): Running {
  return { enricher: startEnricher, consumer: startConsumer, sink: startSink }[application](
    world,
    process,
  )
}

function startEnricher(world: WorldParts, process: SimProcess): Running {
  const parts = { ...world, process }
  const catalog = new Catalog(nothing)
  let onCatalogApplied = nothing
  const catalogFeed = startSimTableFeed({
    ...parts,
    topics: [simTopics.models, simTopics.catalog],
    onRecords: createCatalogFeed({
      catalog,
      topics: simTopics,
      decode,
      onApplied: () => {
        onCatalogApplied()
      },
    }),
    onFatal: (error) => {
      process.kill(error)
    },
  })
  const tools: EnrichmentTools = {
    catalog,
    scorer,
    decode,
    decodeKnown,
    encodeEnriched: (record) => json({ ...record, readings: [...record.readings] }),
    encodeDeadLetter: (letter: DeadLetter) =>
      json({ ...letter, value: Buffer.from(letter.value).toString('latin1') }),
    now: () => process.clock.now(),
    topics: simTopics,
    limits: {
      parkedMax: 1_000,
      rowChunksMax: 100,
      deadLetterConsecutiveMax: 1_000,
      deadLetterRatioMax: 1,
      deadLetterRatioWindow: 1_000,
      clockAheadMaxMs: 600_000,
    },
  }
  let handler: EnricherHandler | undefined
  const reader = startReader(parts, 'enricher', simTopics.measurements, ({ offsets }) => {
    handler = new EnricherHandler({
      group: simGroups.enricher,
      tools,
      offsets,
      producers: transactionalProducers((id) => simTransactionRequests(parts, id), process.clock),
      history: simTopicHistory(parts),
      catalogFeed,
      onProgress: nothing,
      onNotCommitted: nothing,
      onCommitted: nothing,
    })
    return handler
  })
  onCatalogApplied = () => {
    for (const partition of reader.value.owned()) {
      void reader.value.between(partition, async () => handler?.onCatalogChange(partition))
    }
  }
  return reader
}

const noMetrics: ConsumerMetrics = {
  startBatch: () => nothing,
  applied: nothing,
  refused: nothing,
  fenced: nothing,
  lost: nothing,
}

function startConsumer(world: WorldParts, process: SimProcess): Running {
  const parts = { ...world, process }
  const { clock } = process
  const stopping = new AbortController()
  const { signal } = stopping
  let handler: ServingPartitions | undefined
  const reader = startReader(
    parts,
    'consumer',
    simTopics.enriched,
    ({ offsets }) =>
      (handler = new ServingPartitions({
        topic: simTopics.enriched,
        refusedConsecutiveMax: 1_000,
        store: world.redis.client(process, world.network),
        readRecords: createRecordReader({ now: decodeKnown, later: decode }),
        persist: createPersist({
          clock,
          logger,
          random: () => world.random.next(),
          signal,
          giveUpAfterMs: 600_000,
        }),
        metrics: noMetrics,
        offsets,
        clock,
        logger,
      })),
  )
  const check = async (): Promise<void> => {
    while (!signal.aborted) {
      await clock.sleep(checkEveryMs, signal).catch(nothing)
      await Promise.all(
        reader.value
          .owned()
          .map((partition) =>
            reader.value.between(partition, async () => handler?.check(partition)),
          ),
      )
    }
  }
  void check()
  return {
    stop: () => {
      const stopped = reader.stop()
      stopping.abort(new Error('stopping'))
      return stopped
    },
  }
}

const flushEveryMs = 700
const checkEveryMs = 2_000

function startSink(world: WorldParts, process: SimProcess): Running {
  const parts = { ...world, process }
  const { clock } = process
  const stopping = new AbortController()
  let handler: SinkHandler | undefined
  const reader = startReader(parts, 'sink', simTopics.enriched, ({ offsets }) => {
    handler = new SinkHandler({
      topic: simTopics.enriched,
      offsets,
      writer: world.warehouse.client(process, world.network),
      decoder: { decodeKnown, decode },
      limits: { rowsMax: 8, waitMaxMs: 500, refusedConsecutiveMax: 1_000 },
      observer: {
        onStored: nothing,
        onProgress: nothing,
        onRedo: nothing,
        onWarehouse: nothing,
      },
      clock,
      logger,
      random: () => world.random.next(),
      stopping: stopping.signal,
    })
    return handler
  })
  const { signal } = stopping
  const flush = async (): Promise<void> => {
    while (!signal.aborted) {
      const due = handler?.due() ?? []
      await Promise.all(
        due.map((partition) =>
          reader.value.between(partition, async () => handler?.flush(partition)),
        ),
      )
      await clock.sleep(flushEveryMs, signal).catch(nothing)
    }
  }
  void flush()
  return {
    stop: () => {
      stopping.abort(new Error('stopping'))
      return reader.stop()
    },
  }
}

type HandlerOf = (reader: Pick<PartitionReader, 'offsets'>) => PartitionHandler

function startReader(
  parts: WorldParts & { readonly process: SimProcess },
  application: Application,
  topic: string,
  handler: HandlerOf,
): Started<PartitionReader> {
  return startGroupReader({
    ...parts,
    group: simGroups[application],
    topic,
    handler,
    logger,
    onFatal: (error) => {
      parts.process.kill(error)
    },
  })
}
