import type { Clock } from '@faultline/runtime/clock'
import { isFaultlineError, messageOf } from '@faultline/runtime/errors'
import type { Logger } from '@faultline/runtime/logging'

const delayMs = { first: 50, max: 1_000 }

interface PersistOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** In [0, 1): spreads the tries of several processes. */
  readonly random: () => number
  /** Aborted when the process stops: the last error is thrown then. */
  readonly signal: AbortSignal
  /** How long a back end may be away before the process gives up and is started anew. */
  readonly giveUpAfterMs: number
}

export type Persist = <T>(work: () => Promise<T>) => Promise<T>

/** Tries work again while a back end is away, with growing, scattered pauses. Only errors of disposition `retry`. */
export function createPersist(options: PersistOptions): Persist {
  const { clock, logger, random, signal, giveUpAfterMs } = options
  return async (work) => {
    const start = clock.now()
    for (let pause = delayMs.first; ; pause = Math.min(pause * 2, delayMs.max)) {
      try {
        return await work()
      } catch (error) {
        const away = clock.now() - start
        if (!isFaultlineError(error) || error.disposition !== 'retry') throw error
        if (signal.aborted || away > giveUpAfterMs) throw error
        logger.warn({ reason: messageOf(error), awayMs: away }, 'a back end is away; trying again')
        await clock.sleep(pause * (0.5 + random() / 2), signal).catch(() => undefined)
      }
    }
  }
}
