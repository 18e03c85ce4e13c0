import type { Clock } from '@faultline/runtime/clock'
import { FaultlineError, isFaultlineError, systemCode } from '@faultline/runtime/errors'
import type { Logger } from '@faultline/runtime/logging'

const firstPauseMs = 250
const longestPauseMs = 5_000

const passing = ['DATABASE_UNAVAILABLE', 'BROKER_UNAVAILABLE', 'DISK_FULL'] as const

interface PatienceOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly signal: AbortSignal
}

/**
 * Does what has to be done, however long the other side is away. What is waited for, a database, a broker or room on a disk, comes back
 * by somebody else's hand; until then nothing is given up and nothing is taken in.
 */
export class Patience {
  readonly #options: PatienceOptions
  readonly #waitingFor = new Map<string, FaultlineError>()

  constructor(options: PatienceOptions) {
    this.#options = options
  }

  /** What is waited for at the moment, each with why. */
  get waitingFor(): ReadonlyMap<string, FaultlineError> {
    return this.#waitingFor
  }

  /**
   * Repeats `attempt` with growing pauses while it fails for something that passes. `what` names the other side; several may
   * wait for the same one.
   * @throws any other error, and the signal's reason
   */
  async until<T>(what: string, attempt: () => Promise<T>): Promise<T> {
    const { clock, logger, signal } = this.#options
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      try {
        const done = await attempt()
        if (this.#waitingFor.delete(what)) logger.info({ what }, 'it is back; going on')
        return done
      } catch (error) {
        const known = asPassing(error, what)
        if (known === undefined) throw error
        if (!this.#waitingFor.has(what)) {
          logger.warn({ err: known, remedy: known.remedy }, `waiting for ${what}`)
        }
        this.#waitingFor.set(what, known)
      }
      await clock.sleep(pauseMs, signal)
    }
  }
}

/** The error as one that passes, or undefined. */
function asPassing(error: unknown, what: string): FaultlineError | undefined {
  if (passing.some((code) => isFaultlineError(error, code))) return error as FaultlineError
  const code = systemCode(error)
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return undefined
  return new FaultlineError('DISK_FULL', `no space is left for ${what}`, {
    cause: error,
    remedy: 'Free space there: it goes on by itself.',
  })
}
