import type { Clock } from '@faultline/runtime/clock'
import { isFaultlineError } from '@faultline/runtime/errors'
import { startOpsServer } from '@faultline/runtime/health'
import { runInBackground, type ProcessContext } from '@faultline/runtime/lifecycle'
import type { Logger } from '@faultline/runtime/logging'
import { Metrics } from '@faultline/runtime/metrics'
import {
  connectPostgres,
  diskFreeOf,
  isSlotUsable,
  readSlotStatus,
  type PostgresConnection,
  type SlotSample,
} from '@faultline/runtime/postgres'
import type { KeeperConfig } from './config.ts'
import { keepMonths } from './months.ts'
import { SlotGuard, type SlotVerdict } from './slot-guard.ts'

const name = 'postgres-keeper'
const lookEveryMs = 5_000
/** Months change slowly; one whose turn did not come is due again soon. */
const monthsEveryMs = 60_000

/** Starts the keeper: ready unless the slot is in danger or PostgreSQL is away. */
export async function startPostgresKeeper(
  config: KeeperConfig,
  context: ProcessContext,
  clock: Clock,
): Promise<void> {
  const { scope, logger } = context
  const metrics = new Metrics()
  const keeper = new PostgresKeeper({ config, metrics, clock, logger })
  await scope.start('ops server', () =>
    startOpsServer({ listen: config.opsListen, metrics, readiness: () => keeper.readiness() }),
  )
  const stopping = new AbortController()
  runInBackground(context, { name: 'rounds', stopping, loops: [keeper.run(stopping.signal)] })
  logger.info({ retentionDays: config.retentionDays }, 'months and slot are kept')
}

interface KeeperTools {
  readonly config: KeeperConfig
  readonly metrics: Metrics
  readonly clock: Clock
  readonly logger: Logger
}

class PostgresKeeper {
  readonly #tools: KeeperTools
  readonly #guard = new SlotGuard()
  readonly #gauges
  #waitingFor: string | null = 'PostgreSQL'
  #alarm: string | null = null
  #monthsAtMs = -Infinity

  constructor(tools: KeeperTools) {
    this.#tools = tools
    const { metrics } = tools
    this.#gauges = {
      retained: metrics.gauge('faultline_slot_retained_bytes'),
      room: metrics.gauge('faultline_slot_room_bytes'),
      left: metrics.gauge('faultline_slot_seconds_left'),
      usable: metrics.gauge('faultline_slot_usable'),
      dropped: metrics.counter('faultline_months_dropped_total'),
    }
  }

  readiness() {
    const detail = {
      ...(this.#waitingFor === null ? {} : { waiting_for: this.#waitingFor }),
      ...(this.#alarm === null ? {} : { alarm: this.#alarm }),
    }
    return { ready: Object.keys(detail).length === 0, detail }
  }

  /** Resolves once the signal aborts; rejects with anything but an unavailable database. */
  async run(signal: AbortSignal): Promise<void> {
    const { config, clock, logger } = this.#tools
    const { databaseUrl } = config
    let postgres: PostgresConnection | undefined
    while (!signal.aborted) {
      try {
        postgres ??= await connectPostgres({ databaseUrl, applicationName: name })
        await this.#look(postgres)
      } catch (error) {
        if (!isFaultlineError(error, 'DATABASE_UNAVAILABLE')) throw error
        this.#waitingFor = 'PostgreSQL'
        logger.warn({ err: error }, 'PostgreSQL is away; trying again')
        await postgres?.close().catch(() => undefined)
        postgres = undefined
      }
      await clock.sleep(lookEveryMs, signal).catch(() => undefined)
    }
    await postgres?.close()
  }

  async #look(postgres: PostgresConnection): Promise<void> {
    const { config, clock } = this.#tools
    const sample = {
      status: await readSlotStatus(postgres),
      diskFreeBytes: await diskFreeOf(postgres, config.databaseUrl),
      atMs: performance.now(),
    }
    this.#show(sample, this.#guard.judge(sample))
    this.#waitingFor = null
    if (clock.now() - this.#monthsAtMs >= monthsEveryMs) {
      this.#monthsAtMs = clock.now()
      await this.#keepMonths(postgres, isSlotUsable(sample.status))
    }
  }

  async #keepMonths(postgres: PostgresConnection, mayDrop: boolean): Promise<void> {
    const { config, logger } = this.#tools
    const { retentionDays } = config
    const { made, dropped, busy } = await keepMonths(postgres, { retentionDays, mayDrop })
    this.#gauges.dropped.inc(dropped.length)
    if (made > 0 || dropped.length > 0) logger.info({ made, dropped }, 'months of measurements')
    if (busy.length > 0) logger.warn({ busy }, 'months due are in use; trying again')
  }

  #show({ status }: SlotSample, { forecast, alarm }: SlotVerdict): void {
    const { retained, room, left, usable } = this.#gauges
    usable.set(isSlotUsable(status) ? 1 : 0)
    retained.set(status.retained_bytes ?? 0)
    if (forecast.roomBytes !== null) room.set(forecast.roomBytes)
    left.set(forecast.secondsLeft ?? Infinity)
    if (alarm !== null && this.#alarm === null)
      this.#tools.logger.error({ alarm }, 'slot in danger')
    if (alarm === null && this.#alarm !== null) this.#tools.logger.info('the slot is well again')
    this.#alarm = alarm
  }
}
