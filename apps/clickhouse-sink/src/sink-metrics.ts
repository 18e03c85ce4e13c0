import type { Metrics } from '@faultline/runtime/metrics'
import type { SinkObserver } from './partition/sink-handler.ts'
import type { RollUpLevel } from './warehouse/warehouse-writer.ts'

const app = 'clickhouse-sink'

/** Why the warehouse does not answer, since the last attempt; null while it does. */
export interface WarehouseState {
  problem: string | null
}

/** Counts what was stored. */
export function createSinkObserver(
  metrics: Metrics,
  { topic, now, state }: { topic: string; now: () => number; state: WarehouseState },
): SinkObserver {
  const records = metrics.counter('faultline_records_total')
  const refusals = metrics.counter('faultline_dead_letters_total')
  const batches = metrics.histogram('faultline_batch_seconds')
  const freshness = metrics.histogram('faultline_freshness_seconds')
  const nextOffset = metrics.gauge('faultline_next_offset')
  const lagRecords = metrics.gauge('faultline_lag_records')
  const redone = metrics.counter('faultline_replays_skipped_total')
  return {
    onStored(range, seconds) {
      batches.observe({ app }, seconds)
      records.inc({ topic, outcome: 'stored' }, range.rows.length)
      records.inc({ topic, outcome: 'removal' }, range.removals)
      records.inc({ topic, outcome: 'refused' }, range.refused.length)
      for (const { reason } of range.refused) refusals.inc({ reason })
      const newest = range.rows.at(-1)
      if (newest !== undefined) {
        freshness.observe({ app }, (now() - newest.measurement.committed_at) / 1_000)
      }
    },
    onProgress(partition, next, lag) {
      nextOffset.set({ topic, partition: String(partition) }, next)
      lagRecords.set({ topic, partition: String(partition) }, lag)
    },
    onRedo() {
      redone.inc({ app })
    },
    onWarehouse(problem) {
      state.problem = problem
    },
  }
}

export function createRollUpObserver(metrics: Metrics) {
  const behindGauge = metrics.gauge('faultline_roll_up_lag_records')
  return (level: RollUpLevel, partition: number, behind: number): void => {
    behindGauge.set({ level, partition: String(partition) }, behind)
  }
}
