import { z } from '../http/openapi-zod.ts'
import { asOf, explanationEntry, time } from './device.ts'

const metricPoint = z
  .object({
    timestamp: time.openapi({ description: 'Of the reading, or the start of the bucket' }),
    value: z.number().openapi({ description: 'The reading, or the average of the bucket' }),
    count: z.number(),
    min: z.number(),
    max: z.number(),
    stddev: z.number(),
    median: z.number().nullable(),
    p95: z.number().nullable(),
  })
  .openapi('MetricPoint')

export const metricAnswer = z
  .object({
    success: z.literal(true),
    data: z.array(metricPoint),
    count: z.number(),
    duration_ms: z.number(),
    truncated: z.boolean().openapi({
      description: 'True where the range holds more points than are given; the newest are kept',
    }),
    as_of: asOf,
  })
  .openapi('Metrics')

const anomalyPoint = z
  .object({
    timestamp: time,
    value: z.number(),
    mean: z.number().nullable(),
    stddev: z.number().nullable(),
    z_score: z.number().nullable(),
    is_anomaly: z.boolean(),
  })
  .openapi('AnomalyPoint')

export const anomalyAnswer = z
  .object({
    success: z.literal(true),
    anomalies: z.array(anomalyPoint),
    count: z.number(),
    as_of: asOf,
  })
  .openapi('Anomalies')

export const historyEvent = z
  .object({
    event_id: z.string(),
    measured_at: time,
    alert_level: z.enum(['normal', 'warning', 'critical']),
    fault_score: z.number(),
    fault_reasons: z.array(z.string()),
    explanation: z.array(explanationEntry),
    revision: z.number(),
  })
  .openapi('HistoryEvent')
