import type { Metrics } from '@faultline/runtime/metrics'
import type { RecordBatch } from '@faultline/runtime/kafka'
import type { EnricherHandlerOptions } from './partition/enricher-handler.ts'
import type { Enrichment } from './partition/step.ts'

/** Counts what was committed. */
export function createEnricherMetrics(
  metrics: Metrics,
  topic: string,
  now: () => number,
): Pick<EnricherHandlerOptions, 'onCommitted' | 'onNotCommitted' | 'onProgress'> {
  const records = metrics.counter('faultline_records_total')
  const deadLetters = metrics.counter('faultline_dead_letters_total')
  const transactions = metrics.counter('faultline_transactions_total')
  const parkedGauge = metrics.gauge('faultline_parked_measurements')
  const freshness = metrics.histogram('faultline_freshness_seconds')
  const nextOffset = metrics.gauge('faultline_next_offset')
  const lag = metrics.gauge('faultline_lag_records')
  const onProgress = (batch: RecordBatch): void => {
    const labels = { topic, partition: String(batch.partition) }
    nextOffset.set(labels, batch.nextOffset)
    lag.set(labels, Math.max(0, batch.endOffset - batch.nextOffset))
  }
  const onNotCommitted = (): void => {
    transactions.inc({ outcome: 'failed' })
  }
  const onCommitted = (partition: number, enrichment: Enrichment, parked: number): void => {
    transactions.inc({ outcome: 'committed' })
    parkedGauge.set({ partition: String(partition) }, parked)
    for (const [outcome, count] of enrichment.outcomes) records.inc({ topic, outcome }, count)
    for (const [reason, count] of enrichment.refusals) deadLetters.inc({ reason }, count)
    if (enrichment.newestCommittedAt !== null) {
      freshness.observe({ app: 'enricher' }, (now() - enrichment.newestCommittedAt) / 1_000)
    }
  }
  return { onCommitted, onNotCommitted, onProgress }
}
