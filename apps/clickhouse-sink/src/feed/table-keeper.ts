import type { Clock } from '@faultline/runtime/clock'
import { isFaultlineError, messageOf } from '@faultline/runtime/errors'
import type { KafkaRecord } from '@faultline/runtime/kafka'
import type { Logger } from '@faultline/runtime/logging'
import type { WarehouseWriter } from '../warehouse/warehouse-writer.ts'
import { toEventRow, toModelRow, truncatedAt } from './table-rows.ts'

interface KeeperOptions {
  readonly writer: Pick<WarehouseWriter, 'keepModels' | 'keepEvents' | 'removeEvents'>
  readonly topics: { readonly models: string; readonly events: string }
  readonly decode: (value: Buffer) => Promise<unknown>
  readonly clock: Clock
  readonly logger: Logger
  readonly stopping: AbortSignal
}

const retryDelayMs = 2_000

/**
 * Keeps the small tables that reports need. The topics are read from their first record at every start: keeping a row again
 * changes nothing. A record that cannot be read is passed over with a line in the log; it is still in its topic.
 */
export function createTableKeeper(options: KeeperOptions) {
  const { writer, topics, logger } = options
  return async (topic: string, records: readonly KafkaRecord[]): Promise<void> => {
    const decoded: unknown[] = []
    for (const { value, offset } of records) {
      if (value === null) continue
      try {
        decoded.push(await patiently(options, () => options.decode(value)))
      } catch (error) {
        if (!isFaultlineError(error) || error.disposition !== 'reject') throw error
        logger.error({ topic, offset, reason: messageOf(error) }, 'a record cannot be read')
      }
    }
    await patiently(options, async () => {
      if (topic === topics.models) await writer.keepModels(rows(decoded, toModelRow))
      else if (topic === topics.events) await keepEvents(writer, decoded)
    })
  }
}

/** A truncate removes what was kept before it, which has to be there by then. */
async function keepEvents(
  writer: KeeperOptions['writer'],
  decoded: readonly unknown[],
): Promise<void> {
  await writer.keepEvents(rows(decoded, toEventRow))
  const truncates = decoded.map(truncatedAt).filter((lsn) => lsn !== null)
  if (truncates.length > 0) await writer.removeEvents(Math.max(...truncates))
}

function rows<T>(decoded: readonly unknown[], toRow: (value: unknown) => T | null): readonly T[] {
  return decoded.map(toRow).filter((row) => row !== null)
}

/** Waits for a back end that is away; the feed waits with it. */
async function patiently<T>(
  { clock, stopping, logger }: KeeperOptions,
  work: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!isFaultlineError(error) || error.disposition !== 'retry' || stopping.aborted) throw error
      logger.warn({ reason: messageOf(error) }, 'small tables wait for a back end')
      await clock.sleep(retryDelayMs, stopping).catch(() => undefined)
    }
  }
}
