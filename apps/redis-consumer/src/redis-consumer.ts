import { consumerGroups } from '@faultline/contracts/topics'
import type { Clock } from '@faultline/runtime/clock'
import { startOpsServer } from '@faultline/runtime/health'
import { connectKafka, startPartitionReader, type PartitionReader } from '@faultline/runtime/kafka'
import type { ProcessContext } from '@faultline/runtime/lifecycle'
import { Metrics } from '@faultline/runtime/metrics'
import { connectRedis, type RedisClient } from '@faultline/runtime/redis'
import { createProjection, httpSchemaRegistry } from '@faultline/runtime/registry'
import type { RedisConsumerConfig } from './config.ts'
import { createConsumerMetrics } from './consumer-metrics.ts'
import { createRecordReader } from './decode-record.ts'
import { createPersist } from './persist.ts'
import { redisServingStore } from './redis-serving-store.ts'
import { servedMeasurementAvro } from './served-measurement.ts'
import { ServingPartitions } from './serving-partitions.ts'

/** Bounds a batch, and with it the memory of a backlog: about 2,000 measurements of 100 channels. */
const maxBytesPerPartition = 1_048_576
/** Most window events one script call takes out: about 3 ms of Redis. */
const budget = 1_000
const giveUpAfterMs = 600_000
/** How long a loss of data in Redis may go unnoticed where nothing new comes in. */
const checkEveryMs = 2_000

/** Puts the consumer together and starts it. It starts also while Redis is away, and is not ready then. */
export async function startRedisConsumer(
  config: RedisConsumerConfig,
  context: ProcessContext,
  clock: Clock,
): Promise<void> {
  const { scope, logger } = context
  const metrics = new Metrics()
  const running: { reader?: PartitionReader; redis?: RedisClient; handler?: ServingPartitions } = {}
  await scope.start('ops', () =>
    startOpsServer({
      listen: config.opsListen,
      metrics,
      readiness: () => {
        const partitions = running.reader?.owned() ?? []
        const taking_over = running.reader?.takingOver() ?? []
        const redis = running.redis?.isReady() === true
        const healing = running.handler?.healing() ?? []
        const detail = { partitions, taking_over, redis: redis ? 'connected' : 'away', healing }
        const isWhole = taking_over.length === 0 && healing.length === 0
        return { ready: redis && partitions.length > 0 && isWhole, detail }
      },
    }),
  )
  const redis = await scope.start('redis', () =>
    connectRedis({ url: config.redisUrl, clientName: 'faultline-redis-consumer', logger }),
  )
  running.redis = redis
  const connection = await scope.start('kafka', () =>
    connectKafka({ brokers: config.brokers, clientId: 'faultline-redis-consumer', logger }),
  )
  const registry = httpSchemaRegistry(config.registryUrl)
  const stopping = new AbortController()
  const { signal } = stopping
  const parts = {
    topic: config.topic,
    refusedConsecutiveMax: config.refusedConsecutiveMax,
    store: redisServingStore(redis, { ...config.ranking, budget }),
    readRecords: createRecordReader(createProjection(registry, servedMeasurementAvro)),
    persist: createPersist({ clock, logger, random: Math.random, signal, giveUpAfterMs }),
    metrics: createConsumerMetrics(metrics, config.topic),
    clock,
    logger,
  }
  running.reader = await scope.start('partitions', async () => {
    const reader = await startPartitionReader({
      ...connection,
      group: consumerGroups.redisConsumer,
      topic: config.topic,
      start: config.start,
      maxBytesPerPartition,
      clock,
      logger,
      onFatal: (error) => {
        context.fail(error)
      },
      handler: ({ offsets }) => (running.handler = new ServingPartitions({ ...parts, offsets })),
    })
    void checkNowAndThen({ reader: reader.value, handler: () => running.handler, clock, signal })
    return {
      value: reader.value,
      stop: () => {
        // The reader first refuses what comes; then whatever waits for Redis gives up.
        const stopped = reader.stop()
        stopping.abort()
        return stopped
      },
    }
  })
  logger.info('Redis consumer started')
}

interface CheckParts {
  readonly reader: PartitionReader
  readonly handler: () => ServingPartitions | undefined
  readonly clock: Clock
  readonly signal: AbortSignal
}

async function checkNowAndThen({ reader, handler, clock, signal }: CheckParts): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(checkEveryMs, signal).catch(() => undefined)
    const check = (partition: number) =>
      reader.between(partition, async () => handler()?.check(partition))
    await Promise.all(reader.owned().map(check))
  }
}
