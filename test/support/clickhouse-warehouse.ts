import { expect } from 'vitest'
import {
  migrateClickhouse,
  startClickhouse,
  type ClickhouseClient,
} from '@faultline/runtime/clickhouse'
import { clickhouseWriter } from '../../apps/clickhouse-sink/src/warehouse/clickhouse-writer.ts'
import type {
  RollUpLevel,
  StoredMeasurement,
  WarehouseWriter,
} from '../../apps/clickhouse-sink/src/warehouse/warehouse-writer.ts'
import { levelWidthMs, recountRollUp, type ChannelMetrics } from './roll-up-recount.ts'

export interface ClickhouseWarehouse {
  readonly client: ClickhouseClient
  readonly writer: WarehouseWriter
  close(): Promise<void>
}

export function openClickhouse(url: string, requestTimeoutMs = 30_000): ClickhouseWarehouse {
  const connection = startClickhouse({ url, clientName: 'test', requestTimeoutMs })
  const client = connection.value
  const migrate = () => migrateClickhouse({ clickhouseUrl: url })
  return { client, writer: clickhouseWriter({ client, migrate }), close: () => connection.stop() }
}

/** A roll-up as its readers see it, of devices whose ids begin with `devices`. Keys as in recountRollUp. */
export async function readRollUp(
  client: ClickhouseClient,
  level: RollUpLevel,
  devices: string,
): Promise<ReadonlyMap<string, ChannelMetrics>> {
  const rows = await client.rows<ChannelMetrics & { key: string }>('a roll-up', {
    sql: `SELECT concat(device_id, '|', toString(toUnixTimestamp64Milli(bucket)), '|', toString(channel)) AS key,
      toFloat64(count) AS count, sum, min, max, avg, stddev, median, p95
      FROM app.metrics_${level} WHERE startsWith(device_id, {devices:String})`,
    parameters: { devices },
  })
  return new Map(rows.map(({ key, ...metrics }) => [key, metrics]))
}

const metricNames = ['count', 'sum', 'min', 'max', 'avg', 'stddev', 'median', 'p95'] as const

/** Compares a roll-up with a plain recount, to the precision that adding in another order costs. */
export function expectSameRollUp(
  actual: ReadonlyMap<string, ChannelMetrics>,
  rows: readonly StoredMeasurement[],
  level: RollUpLevel,
): void {
  const expected = recountRollUp(rows, levelWidthMs[level])
  expect([...actual.keys()].sort()).toEqual([...expected.keys()].sort())
  for (const [key, metrics] of expected) {
    for (const name of metricNames) {
      expect(actual.get(key)?.[name], `${level} ${key} ${name}`).toBeCloseTo(metrics[name], 6)
    }
  }
}
