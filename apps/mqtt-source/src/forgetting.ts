import { pruneLedger } from '@faultline/ingest/ledger'
import type { Clock } from '@faultline/runtime/clock'
import { isFaultlineError } from '@faultline/runtime/errors'
import type { Logger } from '@faultline/runtime/logging'
import { connectPostgres } from '@faultline/runtime/postgres'
import type { MqttSourceConfig } from './config.ts'
import { ledgerSource } from './message-intake.ts'

const everyMs = 3_600_000

interface ForgettingOptions {
  readonly config: MqttSourceConfig
  readonly clock: Clock
  readonly logger: Logger
  readonly signal: AbortSignal
  /** Whether no message can come again of which the broker was not told that it is safe. */
  readonly mayForget: () => boolean
}

/**
 * Deletes old messages from the ledger every hour, beside the commits: there may be millions. Resolves once the signal aborts.
 * However long the broker or this process was away, what it sends again is known.
 */
export async function keepForgetting(options: ForgettingOptions): Promise<void> {
  const { config, clock, logger, signal, mayForget } = options
  for (;;) {
    await clock.sleep(everyMs, signal).catch(() => undefined)
    if (signal.aborted) return
    if (!mayForget()) continue
    try {
      const entries = await forget(config)
      logger.debug({ entries }, 'old messages are forgotten')
    } catch (error) {
      if (!isFaultlineError(error, 'DATABASE_UNAVAILABLE')) throw error
      logger.warn({ err: error }, 'old messages are not forgotten; trying again in an hour')
    }
  }
}

async function forget({ databaseUrl, knownHours }: MqttSourceConfig): Promise<number> {
  const connection = await connectPostgres({ databaseUrl, applicationName: 'mqtt-source' })
  try {
    return await pruneLedger(connection, ledgerSource, knownHours)
  } finally {
    await connection.close()
  }
}
