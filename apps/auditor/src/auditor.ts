import type { StoreAudit } from '@faultline/audit/report'
import type { Clock } from '@faultline/runtime/clock'
import { isFaultlineError, messageOf } from '@faultline/runtime/errors'
import { startOpsServer } from '@faultline/runtime/health'
import type { ProcessContext } from '@faultline/runtime/lifecycle'
import type { Logger } from '@faultline/runtime/logging'
import { Metrics } from '@faultline/runtime/metrics'
import type { AuditorConfig } from './config.ts'
import { ProductAudit } from './product-audit.ts'
import { Verdict } from './verdict.ts'

/** Between two rounds over Redis, ms. A reading takes about a millisecond of Redis, and this follows each. */
const betweenRoundsMs = 5_000
const betweenReadingsMs = 20
/** Rows measured in the last hours are compared in each round, older ones with some devices in turn. */
const freshMs = 2 * 3_600_000
const warehouseEveryMs = 60_000
const devicesInTurn = 50

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
    onFatal: (error) => {
      context.fail(error)
    },
    signal: stopping.signal,
  })
  const parts = { product, verdict, clock, logger, signal: stopping.signal }
  const rounds = auditForEver(parts)
  rounds.catch((error: unknown) => {
    if (!stopping.signal.aborted) context.fail(error)
  })
  scope.defer('rounds', async () => {
    stopping.abort()
    await Promise.allSettled([rounds])
  })
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
  let turn = 0
  while (!signal.aborted) {
    await round(parts, 'redis', () => product.auditRedis({ pace }))
    if (clock.now() - warehouseAtMs >= warehouseEveryMs) {
      warehouseAtMs = clock.now()
      turn += 1
      const choice = turn
      await round(parts, 'clickhouse', () => warehouseRound(parts, choice))
    }
    await clock.sleep(betweenRoundsMs, signal).catch(() => undefined)
  }
}

/** Fresh hours of every device, and every hour of some devices in turn. */
async function warehouseRound(
  { product, clock, signal }: Parts,
  turn: number,
): Promise<StoreAudit> {
  const pace = () => clock.sleep(betweenReadingsMs, signal)
  const fresh = await product.auditClickhouse({ pace, since: hourOf(clock.now() - freshMs) })
  if (fresh.differenceCount > 0 || !fresh.isChecked) return fresh
  const ids = product.deviceIds()
  const start = ((turn - 1) * devicesInTurn) % Math.max(1, ids.length)
  const devices = ids.slice(start, start + devicesInTurn)
  return await product.auditClickhouse({ pace, devices })
}

const hourOf = (epochMs: number) => Math.floor(epochMs / 3_600_000) * 3_600_000

async function round(
  { verdict, logger }: Parts,
  store: 'redis' | 'clickhouse',
  audit: () => Promise<StoreAudit>,
): Promise<void> {
  try {
    const found = await audit()
    verdict.round(store, found)
    if (found.differenceCount === 0) return
    logger.error({ store, count: found.differenceCount, first: found.differences[0] }, 'differs')
  } catch (error) {
    if (!isAway(error)) throw error
    verdict.waits(store, messageOf(error))
    logger.warn({ store, reason: messageOf(error) }, 'cannot be compared now')
  }
}

/** A store or the broker is away, or Redis lost data that its consumer is about to apply again. */
function isAway(error: unknown): boolean {
  return (
    isFaultlineError(error, 'SERVING_STORE_BEHIND') ||
    (isFaultlineError(error) && error.disposition === 'retry')
  )
}
