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
  /** How often is looked for rows, ms: each pass costs an INSERT a level and partition. */
  readonly everyMs: number
  readonly clock: Clock
  readonly logger: Logger
}

const retryDelayMs = 2_000

/**
 * How long a level may stay behind while rows keep coming, ms. A step costs by the buckets it touches: with a row a device and
 * minute, a step every few seconds would make a state for each row, of which an hour keeps sixty and a day more than a
 * thousand. A minute keeps rows as they are, for which waiting saves nothing.
 */
const patienceMs: Readonly<Record<RollUpLevel, number>> = {
  '1min': 0,
  '1hour': 300_000,
  '1day': 900_000,
}

/** Rows that are worth a step at once: more does not make them cheaper. */
const enoughOffsets = 10_000

/** A level of a partition, as far as this process knows: only what spares needless questions. */
interface Progress {
  reached: number
  /** Where the stored rows ended when last looked at, and since when, epoch ms. */
  end: number
  endSince: number
  /** When a step last reached the end, epoch ms; null when none has. */
  caughtUpAt: number | null
}

/**
 * Takes what is stored into the roll-ups until `signal` aborts, partition by partition, one step of each in turn: at once
 * where rows have stopped coming or a step is full, otherwise when the level's patience is over. Progress is kept in the
 * roll-ups themselves.
 */
export async function runRollUps(options: RollUpOptions, signal: AbortSignal): Promise<void> {
  const { clock, logger, everyMs } = options
  const levels = new Map<string, Progress>()
  while (!signal.aborted) {
    let delayMs = everyMs
    try {
      if (!(await rollUpOnce(options, levels, signal))) delayMs = 0
    } catch (error) {
      if (!isFaultlineError(error, 'WAREHOUSE_UNAVAILABLE')) throw error
      logger.warn({ reason: messageOf(error) }, 'roll-ups wait for the warehouse')
      delayMs = retryDelayMs
    }
    await clock.sleep(delayMs, signal).catch(() => undefined)
  }
}

/** One step for everything that is due; true when no step has to follow at once. */
async function rollUpOnce(
  { topic, writer, confirmed, onProgress, everyMs, clock }: RollUpOptions,
  levels: Map<string, Progress>,
  signal: AbortSignal,
): Promise<boolean> {
  const ends = confirmed()
  let isDone = true
  for (const [partition, end] of ends) {
    for (const level of rollUpLevels) {
      if (signal.aborted) return true
      const key = `${level}:${partition}`
      const progress = levels.get(key) ?? { reached: 0, end, endSince: 0, caughtUpAt: null }
      levels.set(key, progress)
      const now = clock.now()
      if (progress.end !== end) Object.assign(progress, { end, endSince: now })
      if (isDue(level, progress, { now, everyMs })) {
        progress.reached = await writer.rollUp({ topic, partition }, level, end)
        progress.caughtUpAt = progress.reached < end ? null : now
        if (progress.reached < end) isDone = false
      }
      onProgress(level, partition, Math.max(0, end - progress.reached))
    }
  }
  // A partition that went away and comes back may have been rolled up by another in between.
  for (const key of levels.keys()) {
    if (!ends.has(Number(key.split(':')[1]))) levels.delete(key)
  }
  return isDone
}

function isDue(
  level: RollUpLevel,
  { reached, end, endSince, caughtUpAt }: Progress,
  { now, everyMs }: { readonly now: number; readonly everyMs: number },
): boolean {
  if (reached >= end) return false
  if (caughtUpAt === null || end - reached >= enoughOffsets) return true
  // A clock that was set back must not let rows wait until it has caught up with itself.
  const hasPassed = (since: number, ms: number): boolean => since > now || since <= now - ms
  return hasPassed(endSince, everyMs) || hasPassed(caughtUpAt, patienceMs[level])
}
