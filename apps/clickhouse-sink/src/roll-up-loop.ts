import type { Clock } from '@faultline/runtime/clock'
import { isFaultlineError, messageOf } from '@faultline/runtime/errors'
import type { Logger } from '@faultline/runtime/logging'
import {
  rollUpLevels,
  type RollUpLevel,
  type WarehouseWriter,
} from './warehouse/warehouse-writer.ts'

interface RollUpOptions {
  readonly topic: string
  readonly writer: Pick<WarehouseWriter, 'rollUp'>
  /** Owned partitions with the offset below which everything of them is stored. */
  readonly confirmed: () => ReadonlyMap<number, number>
  readonly onProgress: (level: RollUpLevel, partition: number, behind: number) => void
  /** How long stored rows wait for the roll-ups, ms: each pass costs an INSERT a level and partition. */
  readonly everyMs: number
  readonly clock: Clock
  readonly logger: Logger
}

const retryDelayMs = 2_000

/**
 * Takes what is stored into the roll-ups until `signal` aborts, partition by partition, one step of each in turn. Progress is
 * kept in the roll-ups themselves; what is remembered here only spares needless questions.
 */
export async function runRollUps(options: RollUpOptions, signal: AbortSignal): Promise<void> {
  const { clock, logger, everyMs } = options
  const reached = new Map<string, number>()
  while (!signal.aborted) {
    let delayMs = everyMs
    try {
      if (!(await rollUpOnce(options, reached, signal))) delayMs = 0
    } catch (error) {
      if (!isFaultlineError(error, 'WAREHOUSE_UNAVAILABLE')) throw error
      logger.warn({ reason: messageOf(error) }, 'roll-ups wait for the warehouse')
      delayMs = retryDelayMs
    }
    await clock.sleep(delayMs, signal).catch(() => undefined)
  }
}

/** One step for everything that is behind; true when nothing is behind any more. */
async function rollUpOnce(
  { topic, writer, confirmed, onProgress }: RollUpOptions,
  reached: Map<string, number>,
  signal: AbortSignal,
): Promise<boolean> {
  const ends = confirmed()
  let isDone = true
  for (const [partition, end] of ends) {
    for (const level of rollUpLevels) {
      if (signal.aborted) return true
      const key = `${level}:${partition}`
      if ((reached.get(key) ?? 0) >= end) continue
      const next = await writer.rollUp({ topic, partition }, level, end)
      reached.set(key, next)
      onProgress(level, partition, Math.max(0, end - next))
      if (next < end) isDone = false
    }
  }
  // A partition that went away and comes back may have been rolled up by another in between.
  for (const key of reached.keys()) {
    if (!ends.has(Number(key.split(':')[1]))) reached.delete(key)
  }
  return isDone
}
