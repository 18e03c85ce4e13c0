import { join } from 'node:path'
import { environment as names } from '@faultline/contracts/environment'
import { DirectoryCache, GroupCommitter } from '@faultline/ingest/intake'
import { Patience } from '@faultline/ingest/patience'
import type { Clock } from '@faultline/runtime/clock'
import { prepareFolder } from '@faultline/runtime/config'
import { startOpsServer, type Readiness } from '@faultline/runtime/health'
import { runInBackground, type ProcessContext } from '@faultline/runtime/lifecycle'
import { Metrics } from '@faultline/runtime/metrics'
import { connectPostgres } from '@faultline/runtime/postgres'
import type { MqttSourceConfig } from './config.ts'
import { keepForgetting } from './forgetting.ts'
import { ledgerSource, MessageIntake } from './message-intake.ts'
import { RejectionLog } from './rejection-log.ts'
import { Subscriber } from './subscriber.ts'

const app = 'mqtt-source'

/** Starts taking the messages of the broker into PostgreSQL. */
export async function startMqttSource(
  config: MqttSourceConfig,
  context: ProcessContext,
  clock: Clock,
): Promise<void> {
  const { scope, logger } = context
  await prepareFolder(names.mqttErrorFolder, config.errorFolder)
  const metrics = new Metrics()
  const stopping = new AbortController()
  const { signal } = stopping
  const patience = new Patience({ clock, logger, signal })
  const { intake, close } = createIntake({ config, patience, clock, metrics })
  const subscriber = new Subscriber({ config, clock, logger, patience, signal, intake })
  await scope.start('ops server', () =>
    startOpsServer({
      listen: config.opsListen,
      metrics,
      readiness: () => readinessOf(subscriber, patience),
    }),
  )
  metrics.gauge('faultline_messages_held', () => subscriber.held)
  metrics.gauge('faultline_ingest_waiting', () => patience.waitingFor.size)
  scope.defer('intake', close)
  const loops = [
    subscriber.run(),
    keepForgetting({ config, clock, logger, signal, mayForget: () => subscriber.isSettled }),
  ]
  runInBackground(context, { name: 'messages', stopping, loops })
  const { host } = new URL(config.brokerUrl)
  logger.info({ broker: host, filter: config.template.filter }, 'taking messages')
}

interface IntakeParts {
  readonly config: MqttSourceConfig
  readonly patience: Patience
  readonly clock: Clock
  readonly metrics: Metrics
}

function createIntake({ config, patience, clock, metrics }: IntakeParts) {
  const { databaseUrl, errorFolder, template } = config
  const connect = () => connectPostgres({ databaseUrl, applicationName: app })
  const written = metrics.counter('faultline_measurements_written_total')
  const rejected = metrics.counter('faultline_rejected_total')
  const replays = metrics.counter('faultline_replays_skipped_total')
  written.inc({ app }, 0)
  const directory = new DirectoryCache(connect, clock)
  const committer = new GroupCommitter({
    source: ledgerSource,
    connect,
    clock,
    keptHours: null,
    onCommit: (rows) => {
      written.inc({ app }, rows)
    },
  })
  const started = new Date(clock.now()).toISOString().replaceAll(/[:.]/g, '-')
  const rejections = new RejectionLog(join(errorFolder, `mqtt-${started}-${process.pid}.jsonl`))
  const intake = new MessageIntake({
    template,
    directory,
    committer,
    rejections,
    patience,
    clock,
    onRejected: (reason) => {
      rejected.inc({ app, reason })
    },
    onReplayed: () => {
      replays.inc({ app })
    },
  })
  const close = async () => {
    await committer.close()
    await directory.close()
    await rejections.close()
  }
  return { intake, close }
}

function readinessOf({ isConnected }: Subscriber, { waitingFor }: Patience): Readiness {
  const waits = [...waitingFor].map(([what, { message }]) => [what, message] as const)
  if (waits.length > 0) return { ready: false, detail: { waiting_for: Object.fromEntries(waits) } }
  return isConnected
    ? { ready: true, detail: {} }
    : { ready: false, detail: { waiting_for: 'the MQTT broker' } }
}
