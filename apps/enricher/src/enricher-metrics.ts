import type { Metrics } from '@faultline/runtime/metrics'
import type { Enrichment } from './partition/partition-enricher.ts'

/** Counts what was committed. */
export function createEnricherMetrics(metrics: Metrics, topic: string, now: () => number) {
  const records = metrics.counter('faultline_records_total')
  const deadLetters = metrics.counter('faultline_dead_letters_total')
  const transactions = metrics.counter('faultline_transactions_total')
  const parkedGauge = metrics.gauge('faultline_parked_measurements')
  const freshness = metrics.histogram('faultline_freshness_seconds')
  return (partition: number, enrichment: Enrichment, parked: number): void => {
    transactions.inc({ outcome: 'committed' })
    parkedGauge.set({ partition: String(partition) }, parked)
    for (const [outcome, count] of enrichment.outcomes) records.inc({ topic, outcome }, count)
    for (const [reason, count] of enrichment.refusals) deadLetters.inc({ reason }, count)
    if (enrichment.newestCommittedAt !== null) {
      freshness.observe({ app: 'enricher' }, (now() - enrichment.newestCommittedAt) / 1_000)
    }
  }
}
