import { hvacReadings } from '../../support/product/fleet.ts'
import type { ApiReader } from './api-reader.ts'
import { pause } from './pause.ts'
import type { RowWriter } from './row-writer.ts'

/** So many that every partition has one, as good as surely: a partition that stands still must be noticed. */
export const probeDevices = Array.from({ length: 16 }, (_, n) => `CMP-PROBE-${n}`)
const everyMs = 500
const lookEveryMs = 100
/** Invariant I12: a row is to be visible in less than this. */
const freshMs = 2_000
const keptMs = 900_000

interface Probe {
  readonly measuredAtMs: number
  readonly committedAt: number
  visibleAt: number | null
}

/** Commits a row of each probe device every half second and looks until the API shows them all: from commit to visible, at every moment. */
export class Prober {
  readonly #writer: RowWriter
  readonly #api: ApiReader
  readonly #signal: AbortSignal
  #probes: Probe[] = []
  #isPaused = false
  #isIdle = true
  #lastMeasuredAt = 0
  readonly #freshMs: number
  readonly latencies: number[] = []

  constructor(options: {
    readonly writer: RowWriter
    readonly api: ApiReader
    readonly signal: AbortSignal
    readonly patience: number
  }) {
    this.#writer = options.writer
    this.#api = options.api
    this.#signal = options.signal
    this.#freshMs = freshMs * options.patience
  }

  async run(): Promise<void> {
    await Promise.all([this.#write(), this.#look()])
  }

  async pause(): Promise<void> {
    this.#isPaused = true
    while (!this.#isIdle) await pause(50)
  }

  resume(): void {
    this.#isPaused = false
  }

  /** When a row that was committed after `since` first became visible in time; both `performance.now()`. */
  freshSince(since: number): number | undefined {
    const fresh = this.#probes.find(
      ({ committedAt, visibleAt }) =>
        committedAt >= since && visibleAt !== null && visibleAt - committedAt < this.#freshMs,
    )
    return fresh?.visibleAt ?? undefined
  }

  /** The newest visible row's moment of commit: how far the API has come. */
  get visibleUpTo(): number {
    return this.#probes.findLast(({ visibleAt }) => visibleAt !== null)?.committedAt ?? 0
  }

  async #write(): Promise<void> {
    while (!this.#signal.aborted) {
      this.#isIdle = true
      await pause(everyMs, this.#signal)
      if (this.#isPaused) continue
      this.#isIdle = false
      const measuredAtMs = Math.max(Date.now(), this.#lastMeasuredAt + 1)
      this.#lastMeasuredAt = measuredAtMs
      const readings = hvacReadings()
      await this.#writer.commit(
        probeDevices.map((deviceId) => ({ deviceId, measuredAtMs, readings, kind: 'healthy' })),
      )
      const committedAt = performance.now()
      this.#probes.push({ measuredAtMs, committedAt, visibleAt: null })
      this.#probes = this.#probes.filter((probe) => probe.committedAt > committedAt - keptMs)
    }
    this.#isIdle = true
  }

  async #look(): Promise<void> {
    while (!this.#signal.aborted) {
      await pause(lookEveryMs, this.#signal)
      const body = await this.#api.ask('device', '/api/devices/lookup', { ids: probeDevices })
      const shown = oldestShown(body)
      const now = performance.now()
      for (const probe of this.#probes) {
        if (probe.visibleAt !== null || probe.measuredAtMs > shown) continue
        probe.visibleAt = now
        this.latencies.push(now - probe.committedAt)
      }
    }
  }
}

/** The measurement that every probe device shows at least, epoch ms. */
function oldestShown(body: Readonly<Record<string, unknown>> | undefined): number {
  const devices = (body?.['devices'] ?? []) as readonly { last_measured_at: number | string }[]
  if (devices.length < probeDevices.length) return 0
  return Math.min(...devices.map(({ last_measured_at }) => new Date(last_measured_at).getTime()))
}
