import { createFleet } from '@faultline/load-generator/fleet'
import type { Clock } from '@faultline/runtime/clock'
import { startOpsServer } from '@faultline/runtime/health'
import { runInBackground, type ProcessContext } from '@faultline/runtime/lifecycle'
import { Metrics } from '@faultline/runtime/metrics'
import { connectPostgres } from '@faultline/runtime/postgres'
import type { DemoFleetConfig } from './config.ts'
import { Reporter } from './reporter.ts'

const name = 'demo-fleet'

/** Starts the fleet: 500 units that report into PostgreSQL, some of them faulty at any moment. */
export async function startDemoFleet(
  config: DemoFleetConfig,
  context: ProcessContext,
  clock: Clock,
): Promise<void> {
  const { scope, logger } = context
  const metrics = new Metrics()
  const written = metrics.counter('faultline_measurements_written_total')
  const reporter = new Reporter({
    connect: () => connectPostgres({ databaseUrl: config.databaseUrl, applicationName: name }),
    fleet: createFleet({ seed: config.seed }),
    rowsPerSecond: config.rowsPerSecond,
    clock,
    logger,
    onCommit: (rows) => {
      written.inc({ app: name }, rows)
    },
  })
  await scope.start('ops server', () =>
    startOpsServer({
      listen: config.opsListen,
      metrics,
      readiness: () => ({
        ready: reporter.isReporting,
        detail: reporter.isReporting ? {} : { waiting_for: 'PostgreSQL' },
      }),
    }),
  )
  const stopping = new AbortController()
  runInBackground(context, { name: 'reporter', stopping, loops: [reporter.run(stopping.signal)] })
  logger.info({ rowsPerSecond: config.rowsPerSecond, seed: config.seed }, 'the fleet reports')
}
