import type { RecordBatch } from '@faultline/runtime/kafka'
import type { Metrics } from '@faultline/runtime/metrics'
import type { RefusedRecord } from './decode-record.ts'
import type { DeviceRecord } from './serving-store.ts'

const app = 'redis-consumer'

export interface ConsumerMetrics {
  /** Call it when a batch begins, and the result when all of it is applied. */
  startBatch(): (batch: RecordBatch) => void
  /** A range was applied; `applied` of its records were not in before. */
  applied(records: readonly DeviceRecord[], applied: number, nowMs: number): void
  /** Records were passed over because they cannot be read. */
  refused(records: readonly RefusedRecord[]): void
  fenced(): void
  /** Redis was found to have lost what it held of a partition. */
  lost(): void
}

export function createConsumerMetrics(metrics: Metrics, topic: string): ConsumerMetrics {
  const records = metrics.counter('faultline_records_total')
  const refusals = metrics.counter('faultline_dead_letters_total')
  const skipped = metrics.counter('faultline_replays_skipped_total')
  const fenced = metrics.counter('faultline_fenced_total')
  const losses = metrics.counter('faultline_serving_store_losses_total')
  const batchSeconds = metrics.histogram('faultline_batch_seconds').labels({ app })
  const freshness = metrics.histogram('faultline_freshness_seconds').labels({ app })
  const nextOffset = metrics.gauge('faultline_next_offset')
  const lag = metrics.gauge('faultline_lag_records')
  return {
    startBatch() {
      const start = performance.now()
      return (batch) => {
        batchSeconds.observe((performance.now() - start) / 1_000)
        const partition = { topic, partition: String(batch.partition) }
        nextOffset.set(partition, batch.nextOffset)
        lag.set(partition, Math.max(0, batch.endOffset - batch.nextOffset))
      }
    },
    applied(range, applied, nowMs) {
      records.inc({ topic, outcome: 'applied' }, applied)
      skipped.inc({ app }, range.length - applied)
      // What is skipped comes first: the rest is new.
      for (const { measurement } of range.slice(range.length - applied)) {
        if (measurement !== null) freshness.observe((nowMs - measurement.committed_at) / 1_000)
      }
    },
    refused(refused) {
      records.inc({ topic, outcome: 'refused' }, refused.length)
      for (const { reason } of refused) refusals.inc({ reason })
    },
    fenced() {
      fenced.inc({ app })
    },
    lost() {
      losses.inc({ app })
    },
  }
}
