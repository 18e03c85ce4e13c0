import { createServer, type Server } from 'node:http'
import { DirectoryCache, GroupCommitter } from '@faultline/ingest/intake'
import { startClickhouse } from '@faultline/runtime/clickhouse'
import { systemClock } from '@faultline/runtime/clock'
import { FaultlineError, systemCode } from '@faultline/runtime/errors'
import { runProcess, type ProcessContext, type Started } from '@faultline/runtime/lifecycle'
import { createLogger } from '@faultline/runtime/logging'
import { Metrics } from '@faultline/runtime/metrics'
import { connectPostgres } from '@faultline/runtime/postgres'
import { connectRedis } from '@faultline/runtime/redis'
import { createClickhouseWarehouseReader } from './adapters/clickhouse-warehouse-reader.ts'
import { createRedisServingReader } from './adapters/redis-serving-reader.ts'
import { createApp } from './app.ts'
import { apiConfig, type ApiConfig } from './config.ts'
import { ApiHealth } from './health.ts'
import { MeasurementIntake } from './ingest/measurement-intake.ts'
import { LiveHub, liveSettings } from './live/live-hub.ts'
import { LiveReader } from './live/live-reader.ts'

const clientName = 'faultline-api'
const warehouseTimeoutMs = 10_000
const idempotencyKeysKeptHours = 7 * 24

const logger = createLogger('api', process.env['LOG_LEVEL'])

async function start(context: ProcessContext): Promise<void> {
  const { scope } = context
  const config = apiConfig(process.env)
  const redis = await scope.start('redis', () =>
    connectRedis({ url: config.redisUrl, clientName, logger }),
  )
  const clickhouse = await scope.start('clickhouse', () =>
    Promise.resolve(
      startClickhouse({
        url: config.clickhouseUrl,
        clientName,
        requestTimeoutMs: warehouseTimeoutMs,
      }),
    ),
  )
  const serving = createRedisServingReader(redis)
  const warehouse = createClickhouseWarehouseReader({ clickhouse, topic: config.enrichedTopic })
  const metrics = new Metrics()
  const intake = await startIntake(context, config, metrics)
  const clients = metrics.gauge('faultline_live_clients')
  const health = new ApiHealth({ serving, warehouse })
  const hub = new LiveHub({
    reader: new LiveReader(serving),
    clock: systemClock,
    logger,
    settings: liveSettings,
    onClients: (count) => {
      clients.set(count)
    },
    fail: (error) => {
      context.fail(error)
    },
  })
  const { listener } = createApp({
    serving,
    warehouse,
    intake,
    hub,
    health,
    clock: systemClock,
    logger,
    metrics,
  })
  await scope.start('http', () => listen(createServer(listener), config))
  // In reverse order: not ready, streams end, the server closes, then the stores.
  scope.defer('live', () => hub.stop())
  scope.defer('readiness', () => {
    health.stopping()
    return Promise.resolve()
  })
  logger.info({ listen: config.listen }, 'serving')
}

/** Ends after the server: what callers wait for is committed first. */
async function startIntake(
  { scope }: ProcessContext,
  { databaseUrl }: ApiConfig,
  metrics: Metrics,
): Promise<MeasurementIntake | undefined> {
  if (databaseUrl === undefined) return undefined
  const connect = () => connectPostgres({ databaseUrl, applicationName: clientName })
  const written = metrics.counter('faultline_measurements_written_total')
  const rejected = metrics.counter('faultline_rejected_total')
  const directory = new DirectoryCache(connect, systemClock)
  const committer = new GroupCommitter({
    source: 'http',
    connect,
    clock: systemClock,
    keptHours: idempotencyKeysKeptHours,
    onCommit: (rows) => {
      written.inc({ app: 'api' }, rows)
    },
  })
  await scope.start('intake', () =>
    Promise.resolve({
      value: undefined,
      stop: async () => {
        await committer.close()
        await directory.close()
      },
    }),
  )
  return new MeasurementIntake({
    directory,
    committer,
    clock: systemClock,
    onRejected: (reason, items) => {
      rejected.inc({ app: 'api', reason }, items)
    },
  })
}

async function listen(
  server: Server,
  { listen: { host, port } }: ApiConfig,
): Promise<Started<void>> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(systemCode(error) === 'EADDRINUSE' ? portTaken(host, port, error) : error)
    })
    server.listen(port, host, resolve)
  })
  return {
    value: undefined,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve()
        })
        server.closeIdleConnections()
      }),
  }
}

function portTaken(host: string, port: number, cause: Error): FaultlineError {
  return new FaultlineError('PORT_TAKEN', `Another process listens on ${host}:${port}`, {
    cause,
    remedy: 'Stop it, or choose another address with API_LISTEN.',
  })
}

runProcess(logger, start)
