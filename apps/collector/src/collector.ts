import { environment as names } from '@faultline/contracts/environment'
import { Patience } from '@faultline/ingest/patience'
import type { Clock } from '@faultline/runtime/clock'
import { prepareFolder } from '@faultline/runtime/config'
import { startOpsServer, type Readiness } from '@faultline/runtime/health'
import { runInBackground, type ProcessContext } from '@faultline/runtime/lifecycle'
import type { Logger } from '@faultline/runtime/logging'
import { Metrics } from '@faultline/runtime/metrics'
import { LedgerMoved } from './batch/commit.ts'
import type { CollectorConfig } from './config.ts'
import { FolderCollector, type Committed } from './folder-collector.ts'
import { FolderWatch } from './folder/folder-watch.ts'

const app = 'collector'

/** Between two passes: events come one by one, and what came together goes together. */
const pauseMs = 50
/** After another collector's move, before the ledger is asked anew. */
const movedPauseMs = 1_000

/** Starts collecting the frame files of the folder, which is made where there is none. */
export async function startCollector(
  config: CollectorConfig,
  context: ProcessContext,
  clock: Clock,
): Promise<void> {
  const { scope, logger } = context
  await prepareFolder(names.collectFolder, config.folder)
  const metrics = new Metrics()
  const stopping = new AbortController()
  const { signal } = stopping
  const patience = new Patience({ clock, logger, signal })
  const onCommit = countCommits(metrics)
  const collector = new FolderCollector({ config, clock, patience, signal, onCommit })
  const loop = new PassLoop({ config, clock, logger, signal, collector })
  await scope.start('ops server', () =>
    startOpsServer({
      listen: config.opsListen,
      metrics,
      readiness: () => readinessOf(loop.hasPassed, patience),
    }),
  )
  reportState(metrics, collector, patience)
  scope.defer('collector', () => collector.close())
  runInBackground(context, { name: 'collecting', stopping, loops: [loop.run()] })
  logger.info({ folder: config.folder }, 'collecting frame files')
}

interface LoopOptions {
  readonly config: CollectorConfig
  readonly clock: Clock
  readonly logger: Logger
  readonly signal: AbortSignal
  readonly collector: FolderCollector
}

/** Pass after pass: at once when something happens in the folder, when a file is due, and every now and then anyway. */
class PassLoop {
  readonly #options: LoopOptions
  #hasPassed = false

  constructor(options: LoopOptions) {
    this.#options = options
  }

  /** Whether the folder and the database were reached at least once. */
  get hasPassed(): boolean {
    return this.#hasPassed
  }

  /** Resolves once the signal aborts; rejects with what does not pass by itself. */
  async run(): Promise<void> {
    const { config, clock, logger, signal, collector } = this.#options
    const watch = new FolderWatch(config.folder, logger)
    try {
      while (!signal.aborted) {
        const dueMs = await this.#pass()
        if (dueMs > pauseMs) await collector.keepInTouch()
        this.#hasPassed = true
        await clock.sleep(pauseMs, signal)
        if (dueMs > pauseMs) await watch.next(Math.min(config.pollMs, dueMs), signal)
      }
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      watch.close()
    }
  }

  async #pass(): Promise<number> {
    const { clock, logger, signal, collector } = this.#options
    try {
      return await collector.pass()
    } catch (error) {
      if (!(error instanceof LedgerMoved)) throw error
      logger.warn({ err: error }, 'asking the ledger anew; one collector is meant for one folder')
      await collector.reset()
      await clock.sleep(movedPauseMs, signal)
      return 0
    }
  }
}

function readinessOf(hasPassed: boolean, { waitingFor }: Patience): Readiness {
  const waits = [...waitingFor].map(([what, { message }]) => [what, message] as const)
  if (waits.length > 0) return { ready: false, detail: { waiting_for: Object.fromEntries(waits) } }
  return hasPassed
    ? { ready: true, detail: {} }
    : { ready: false, detail: { waiting_for: 'the first look at the folder' } }
}

function countCommits(metrics: Metrics): (committed: Committed) => void {
  const written = metrics.counter('faultline_measurements_written_total')
  const rejected = metrics.counter('faultline_rejected_total')
  const files = metrics.counter('faultline_files_total')
  written.inc({ app }, 0)
  return (committed) => {
    written.inc({ app }, committed.written)
    for (const { reason } of committed.rejections) rejected.inc({ app, reason })
    for (const outcome of committed.ends) files.inc({ outcome })
  }
}

/** Gauges of what is there now, read when somebody asks. */
function reportState(metrics: Metrics, collector: FolderCollector, patience: Patience): void {
  metrics.gauge('faultline_files_waiting', () => collector.filesThere)
  metrics.gauge('faultline_points_held', () => collector.pointsHeld)
  metrics.gauge('faultline_ingest_waiting', () => patience.waitingFor.size)
}
