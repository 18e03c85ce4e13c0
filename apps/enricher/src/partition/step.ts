import type { OutputRecord } from '@faultline/runtime/kafka'

/** What became of the records of one step, for the metrics. */
type RecordOutcome = 'enriched' | 'parked' | 'dead-letter' | 'redelivered' | 'ignored'

export interface Enrichment {
  readonly records: readonly OutputRecord[]
  readonly outcomes: ReadonlyMap<RecordOutcome, number>
  readonly refusals: ReadonlyMap<string, number>
  /** Newest commit time in PostgreSQL among the enriched, epoch ms; null when none was. */
  readonly newestCommittedAt: number | null
}

/** What one step gathers until it is committed. */
export class StepOutput implements Enrichment {
  readonly records: OutputRecord[] = []
  readonly outcomes = new Map<RecordOutcome, number>()
  readonly refusals = new Map<string, number>()
  newestCommittedAt: number | null = null

  add(record: OutputRecord): void {
    this.records.push(record)
  }

  count(outcome: RecordOutcome): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1)
  }

  refused(reason: string): void {
    this.refusals.set(reason, (this.refusals.get(reason) ?? 0) + 1)
  }

  sawCommit(committedAt: number): void {
    this.newestCommittedAt = Math.max(this.newestCommittedAt ?? 0, committedAt)
  }
}
