import type { StoredMeasurement } from '../../apps/clickhouse-sink/src/warehouse/warehouse-writer.ts'

/** What a roll-up should say of one device, bucket and channel. */
export interface ChannelMetrics {
  readonly count: number
  readonly sum: number
  readonly min: number
  readonly max: number
  readonly avg: number
  readonly stddev: number
  readonly median: number
  readonly p95: number
}

export const levelWidthMs = { '1min': 60_000, '1hour': 3_600_000, '1day': 86_400_000 } as const

/** Counts a roll-up anew, the plain way. Keys: `device|bucket in epoch ms|channel`. */
export function recountRollUp(
  rows: readonly StoredMeasurement[],
  widthMs: number,
): ReadonlyMap<string, ChannelMetrics> {
  const groups = new Map<string, number[]>()
  for (const { measurement } of rows) {
    if (measurement.revision !== 1) continue
    const bucket = Math.floor(measurement.measured_at / widthMs) * widthMs
    for (const [channel, reading] of measurement.readings.entries()) {
      if (!Number.isFinite(reading)) continue
      const key = `${measurement.device_id}|${bucket}|${channel}`
      const group = groups.get(key) ?? []
      group.push(Math.fround(reading))
      groups.set(key, group)
    }
  }
  return new Map([...groups].map(([key, values]) => [key, metricsOf(values)]))
}

function metricsOf(values: readonly number[]): ChannelMetrics {
  const sorted = values.toSorted((a, b) => a - b)
  const sum = values.reduce((total, value) => total + value, 0)
  const avg = sum / values.length
  const squares = values.reduce((total, value) => total + (value - avg) ** 2, 0)
  return {
    count: values.length,
    sum,
    min: sorted[0] ?? Number.NaN,
    max: sorted.at(-1) ?? Number.NaN,
    avg,
    stddev: Math.sqrt(squares / values.length),
    median: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
  }
}

/** Linear between the two neighbours, as the median of two values is their middle. */
function quantile(sorted: readonly number[], level: number): number {
  const position = level * (sorted.length - 1)
  const low = sorted[Math.floor(position)] ?? Number.NaN
  const high = sorted[Math.ceil(position)] ?? Number.NaN
  return low + (high - low) * (position - Math.floor(position))
}
