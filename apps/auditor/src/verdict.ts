import type { Difference, StoreAudit } from '@faultline/audit/report'
import type { Readiness } from '@faultline/runtime/health'
import type { Metrics } from '@faultline/runtime/metrics'

type Store = Difference['store']

/** What is known of each store from its last round, for /readyz and the metrics. A round that finds nothing heals. */
export class Verdict {
  readonly #known = new Map<Store, StoreAudit>()
  readonly #waiting = new Map<Store, string>()
  readonly #differences: ReturnType<Metrics['gauge']>
  readonly #offsets: ReturnType<Metrics['gauge']>
  readonly #roundAt: ReturnType<Metrics['gauge']>
  readonly #now: () => number

  constructor(metrics: Metrics, now: () => number) {
    this.#now = now
    this.#differences = metrics.gauge('faultline_audit_differences')
    this.#offsets = metrics.gauge('faultline_audit_next_offset')
    this.#roundAt = metrics.gauge('faultline_audit_round_at_seconds')
  }

  /** A store was compared in full. */
  round(store: Store, audit: StoreAudit): void {
    if (!audit.isChecked) {
      this.waits(store, audit.notCompared.join(' '))
      return
    }
    this.#waiting.delete(store)
    this.#known.set(store, audit)
    this.#roundAt.set({ store }, this.#now() / 1_000)
    this.#differences.set({ store }, audit.differenceCount)
    for (const [partition, next] of audit.offsets) {
      this.#offsets.set({ store, partition: String(partition) }, next)
    }
  }

  /** A store is away or behind: nothing new is known of it, which is no difference. */
  waits(store: Store, why: string): void {
    this.#waiting.set(store, why)
  }

  /** Not ready while a difference stands. */
  readiness(): Readiness {
    const stores = (['redis', 'clickhouse'] as const).map((store) => {
      const known = this.#known.get(store)
      const first = known?.differences[0]
      const waiting = this.#waiting.get(store)
      const state = first ?? waiting ?? (known === undefined ? 'not compared yet' : 'equal')
      return [store, state] as const
    })
    const ready = [...this.#known.values()].every(({ differenceCount }) => differenceCount === 0)
    return { ready, detail: Object.fromEntries(stores) }
  }
}
