import type { StoreAudit } from '@faultline/audit/report'
import type { Clock } from '@faultline/runtime/clock'
import { messageOf } from '@faultline/runtime/errors'
import { startOpsServer } from '@faultline/runtime/health'
import { runInBackground, type ProcessContext } from '@faultline/runtime/lifecycle'
import type { Logger } from '@faultline/runtime/logging'
import { Metrics } from '@faultline/runtime/metrics'
import { isAway } from './away.ts'
import type { AuditorConfig } from './config.ts'
import { ProductAudit } from './product-audit.ts'
import { Verdict } from './verdict.ts'
import { WarehouseTurns } from './warehouse-turns.ts'

/** Between two rounds over Redis, ms. A reading takes about a millisecond of Redis, and this follows each. */
const betweenRoundsMs = 5_000
const betweenReadingsMs = 20
const warehouseEveryMs = 60_000

/** Puts the auditor together and starts it. It is ready unless a difference stands. */
export async function startAuditor(
  config: AuditorConfig,
  context: ProcessContext,
  clock: Clock,
): Promise<void> {
  const { scope, logger } = context
  const metrics = new Metrics()
  const verdict = new Verdict(metrics, () => clock.now())
  await scope.start('ops', () =>
    startOpsServer({
      listen: config.opsListen,
      metrics,
      readiness: () => verdict.readiness(),
    }),
  )
  const stopping = new AbortController()
  const product = await ProductAudit.start(config, {
    scope,
    logger,
    clock,
    onFatal: (error) => {
      context.fail(error)
    },
    signal: stopping.signal,
  })
  const parts = { product, verdict, clock, logger, signal: stopping.signal }
  runInBackground(context, { name: 'rounds', stopping, loops: [auditForEver(parts)] })
  logger.info('auditor started')
}

interface Parts {
  readonly product: ProductAudit
  readonly verdict: Verdict
  readonly clock: Clock
  readonly logger: Logger
  readonly signal: AbortSignal
}

/** One round over each store after the other, so that the topic stands still while ClickHouse is asked. */
async function auditForEver(parts: Parts): Promise<void> {
  const { product, clock, signal } = parts
  const pace = () => clock.sleep(betweenReadingsMs, signal)
  let warehouseAtMs = -Infinity
  const turns = new WarehouseTurns({
    deviceIds: () => product.deviceIds(),
    compare: (only) => product.auditClickhouse({ pace, ...only }),
  })
  while (!signal.aborted) {
    const isRedisThere = await round(parts, 'redis', () => product.auditRedis({ pace }))
    if (clock.now() - warehouseAtMs >= warehouseEveryMs) {
      warehouseAtMs = clock.now()
      await round(parts, 'clickhouse', async () => {
        if (!isRedisThere) await product.advanceToClickhouse()
        return await turns.round(clock.now())
      })
    }
    await clock.sleep(betweenRoundsMs, signal).catch(() => undefined)
  }
}

/** False where the store is away. */
async function round(
  { verdict, logger }: Parts,
  store: 'redis' | 'clickhouse',
  audit: () => Promise<StoreAudit>,
): Promise<boolean> {
  try {
    const found = await audit()
    verdict.round(store, found)
    if (found.differenceCount > 0) {
      logger.error({ store, count: found.differenceCount, first: found.differences[0] }, 'differs')
    }
    return true
  } catch (error) {
    if (!isAway(error)) throw error
    verdict.waits(store, messageOf(error))
    logger.warn({ store, reason: messageOf(error) }, 'cannot be compared now')
    return false
  }
}
