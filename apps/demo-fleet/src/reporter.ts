import { defaultBatch, MeasurementWriter } from '@faultline/ingest/measurements'
import {
  lastReportAt,
  registerUnits,
  reportsBetween,
  type Fleet,
} from '@faultline/load-generator/fleet'
import type { Clock } from '@faultline/runtime/clock'
import { isFaultlineError } from '@faultline/runtime/errors'
import type { Logger } from '@faultline/runtime/logging'
import type { PostgresConnection } from '@faultline/runtime/postgres'
import { backFillOnce } from './back-fill.ts'

/** Due reports are gathered this long into one transaction: ten rows at the default rate. */
const tickMs = 100
const retryMs = 1_000
/** Units keep their reports this long while PostgreSQL is away, and drop older ones. */
const keptMs = 10 * 60_000

interface ReporterOptions {
  readonly connect: () => Promise<PostgresConnection>
  readonly fleet: Fleet
  readonly rowsPerSecond: number
  readonly clock: Clock
  readonly logger: Logger
  readonly onCommit: (rows: number) => void
}

/** Sends the fleet's reports as they fall due, until it is stopped; connects anew whenever PostgreSQL comes back. */
export class Reporter {
  readonly #options: ReporterOptions
  /**
   * Number of the last report known to be committed. A connection that breaks during a commit leaves that open; the reports
   * are then sent again, as a real device would.
   */
  #reported: number
  #isReporting = false

  constructor(options: ReporterOptions) {
    this.#options = options
    this.#reported = lastReportAt(options.clock.now(), options.rowsPerSecond)
  }

  /** Whether the last attempt reached the database. */
  get isReporting(): boolean {
    return this.#isReporting
  }

  /** Resolves once the signal aborts; rejects with anything but an unavailable database. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options
    while (!signal.aborted) {
      try {
        await this.#reportUntilBroken(signal)
      } catch (error) {
        if (!isFaultlineError(error, 'DATABASE_UNAVAILABLE')) throw error
        logger.warn({ err: error }, 'PostgreSQL is away; trying again')
        await clock.sleep(retryMs, signal).catch(() => undefined)
      }
    }
  }

  async #reportUntilBroken(signal: AbortSignal): Promise<void> {
    const { connect, fleet, clock, logger, onCommit } = this.#options
    const connection = await connect()
    try {
      await registerUnits(connection, fleet)
      const backFilled = await backFillOnce(connection, fleet, clock.now())
      if (backFilled > 0) {
        onCommit(backFilled)
        logger.info({ rows: backFilled }, 'gave the new fleet a past of two hours')
      }
      const writer = new MeasurementWriter(connection, { ...defaultBatch, onCommit })
      this.#isReporting = true
      while (!signal.aborted) {
        await this.#reportDue(writer)
        await clock.sleep(tickMs, signal).catch(() => undefined)
      }
    } finally {
      this.#isReporting = false
      await connection.close()
    }
  }

  async #reportDue(writer: MeasurementWriter): Promise<void> {
    const { fleet, rowsPerSecond, clock } = this.#options
    const nowMs = clock.now()
    const due = lastReportAt(nowMs, rowsPerSecond)
    const oldest = lastReportAt(nowMs - keptMs, rowsPerSecond)
    const after = Math.max(this.#reported, oldest)
    const cadence = { units: fleet.units.length, rowsPerSecond }
    for (const report of reportsBetween(after, due, cadence)) {
      await writer.write(fleet.measure(report))
    }
    await writer.flush()
    this.#reported = Math.max(this.#reported, due)
  }
}
