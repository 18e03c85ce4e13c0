import type { Clock } from '@faultline/runtime/clock'
import type { Destination } from './destination.ts'
import type { Load } from './load.ts'

export interface GenerateProgress {
  /** Rows the destination has taken, late and bad ones among them. */
  readonly rows: number
  readonly late: number
  readonly bad: number
  readonly seconds: number
}

export interface GenerateResult extends GenerateProgress {
  readonly rowsPerSecond: number
  /** The signal ended the load before its rows or its time were over. */
  readonly interrupted: boolean
}

interface GenerateOptions {
  readonly load: Load
  readonly destination: Destination
  /** Rows a second, or as many as the destination takes. */
  readonly rate: number | 'max'
  /** The load ends after so many rows or so long, whichever comes first; without either only by the signal. */
  readonly rows?: number
  readonly durationMs?: number
  readonly clock: Clock
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: GenerateProgress) => void
}

const chunkRows = 1_000
const tickMs = 20

/**
 * Writes rows 0, 1, 2, … of a load as they fall due, and holds a thousand of them at most. Where the destination was slow, what fell due
 * meanwhile follows as fast as it is taken. Closes the destination.
 */
export async function generate(options: GenerateOptions): Promise<GenerateResult> {
  const { destination } = options
  const tally = { rows: 0, late: 0, bad: 0 }
  const pace = new Pace(options)
  try {
    await writeDue(options, pace, tally)
  } catch (error) {
    await destination.close().catch(() => undefined)
    throw error
  }
  await destination.close()
  const seconds = pace.elapsedMs / 1_000
  return {
    ...tally,
    seconds,
    rowsPerSecond: seconds > 0 ? Math.round(tally.rows / seconds) : 0,
    interrupted: !pace.isOver(tally.rows),
  }
}

type Tally = Omit<{ -readonly [K in keyof GenerateProgress]: GenerateProgress[K] }, 'seconds'>

async function writeDue(options: GenerateOptions, pace: Pace, tally: Tally): Promise<void> {
  const { load, destination, clock, signal, onProgress } = options
  // As a function, because it changes while the destination is waited for.
  const isStopped = () => signal?.aborted === true
  while (!pace.isOver(tally.rows) && !isStopped()) {
    const due = Math.min(pace.due, tally.rows + chunkRows)
    if (due <= tally.rows) {
      await destination.flush()
      await clock.sleep(tickMs, signal).catch(() => undefined)
      continue
    }
    const chunk = Array.from({ length: due - tally.rows }, (_, index) => load(tally.rows + index))
    try {
      await destination.write(chunk.map(({ row }) => row))
    } catch (error) {
      // A destination may wait for long, and the signal ends that too.
      if (isStopped()) return
      throw error
    }
    tally.rows = due
    for (const { isLate, defect } of chunk) {
      if (isLate) tally.late += 1
      if (defect !== undefined) tally.bad += 1
    }
    onProgress?.({ ...tally, seconds: pace.elapsedMs / 1_000 })
  }
}

/** Which rows are due, and when a load is over. */
class Pace {
  readonly #options: GenerateOptions
  readonly #startedMs: number
  readonly #rowsMax: number

  constructor(options: GenerateOptions) {
    const { rate, durationMs, rows = Number.POSITIVE_INFINITY } = options
    this.#options = options
    this.#startedMs = options.clock.now()
    const inTime =
      durationMs === undefined || rate === 'max'
        ? Number.POSITIVE_INFINITY
        : Math.round((durationMs / 1_000) * rate)
    this.#rowsMax = Math.min(rows, inTime)
  }

  get elapsedMs(): number {
    return this.#options.clock.now() - this.#startedMs
  }

  get due(): number {
    const { rate } = this.#options
    const due = rate === 'max' ? this.#rowsMax : Math.floor((this.elapsedMs / 1_000) * rate)
    return Math.min(due, this.#rowsMax)
  }

  isOver(rows: number): boolean {
    const { rate, durationMs } = this.#options
    const isLate = rate === 'max' && durationMs !== undefined && this.elapsedMs >= durationMs
    return rows >= this.#rowsMax || isLate
  }
}
