import { encodeMeasurements } from '../../apps/clickhouse-sink/src/warehouse/measurement-rows.ts'
import type { ClickhouseWarehouse } from '../../test/support/clickhouse-warehouse.ts'
import { enrichedMeasurement } from '../../test/support/enriched-measurements.ts'
import { median, ratios, spread } from '../statistics.ts'

const formats = ['RowBinary', 'Native', 'JSONEachRow'] as const
const range = { topic: 'formats', partition: 0, start: 0, ingestedAt: 1_800_000_000 }
/** As the sink does: one block, one part. */
const settings = {
  max_insert_threads: '1',
  max_block_size: '1000000',
  max_insert_block_size: '1000000',
  min_insert_block_size_rows: '1000000000',
  min_insert_block_size_bytes: '1000000000000',
}

interface FormatsOptions {
  readonly url: string
  readonly warehouse: ClickhouseWarehouse
  readonly rows: number
  readonly runs: number
  readonly cpuSeconds: () => Promise<number>
}

/**
 * Inserts the same rows of 100 channels in each format in turn, as the sink inserts a range, into a copy of its table. Per format rows/s,
 * server's µs of processor a row, and bytes a row on the wire; for RowBinary and JSONEachRow what a row costs to encode, µs.
 */
export async function measureFormats(options: FormatsOptions) {
  const { url, warehouse, rows, runs, cpuSeconds } = options
  const { client } = warehouse
  const measurements = Array.from({ length: rows }, (_, offset) => ({
    offset,
    measurement: enrichedMeasurement({
      event_id: String(offset),
      device_id: `AC-${String(offset % 500).padStart(4, '0')}`,
      measured_at: 1_790_000_000_000 + offset * 100,
      readings: Array.from(
        { length: 100 },
        (_reading, i) => 20 + ((offset * 31 + i * 7) % 97) / 10,
      ),
    }),
  }))
  const whole = { ...range, end: rows }
  const encodeUs = usPerRow(rows, () => encodeMeasurements(whole, measurements))
  const jsonUs = usPerRow(rows, () => measurements.map((row) => JSON.stringify(row)).join('\n'))
  await warehouse.writer.insertRange(whole, measurements, false)
  await client.run('a table', {
    sql: 'CREATE TABLE app.formats AS app.enriched_measurements',
  })
  const bodies = new Map<string, Buffer>()
  for (const format of formats) {
    const query = `SELECT * FROM app.enriched_measurements WHERE topic = 'formats' FORMAT ${format}`
    const response = await fetch(url, { method: 'POST', body: query })
    bodies.set(format, Buffer.from(await response.arrayBuffer()))
  }
  const found = new Map(formats.map((format) => [format, { perSecond: [0], cpuUs: [0] }]))
  for (let run = 0; run <= runs; run += 1) {
    for (const [format, figures] of found) {
      const cpu = await cpuSeconds()
      const startedMs = performance.now()
      const sql = `INSERT INTO app.formats FORMAT ${format}`
      await client.insert('rows', { sql, settings }, [bodies.get(format) ?? Buffer.alloc(0)])
      figures.perSecond[run] = rows / ((performance.now() - startedMs) / 1_000)
      figures.cpuUs[run] = ((await cpuSeconds()) - cpu) * (1e6 / rows)
      await client.run('a truncation', { sql: 'TRUNCATE TABLE app.formats' })
    }
  }
  await client.run('a table', { sql: 'DROP TABLE app.formats' })
  await client.run('a table', { sql: 'TRUNCATE TABLE app.enriched_measurements' })
  // The first round only warms up.
  const of = (format: (typeof formats)[number]) => {
    const { perSecond = [], cpuUs = [] } = found.get(format) ?? {}
    return {
      rowsPerSecond: median(perSecond.slice(1)),
      spread: spread(perSecond.slice(1)),
      serverUs: median(cpuUs.slice(1)),
      bytesPerRow: Math.round((bodies.get(format)?.length ?? 0) / rows),
    }
  }
  const perSecond = (format: (typeof formats)[number]) =>
    found.get(format)?.perSecond.slice(1) ?? []
  const pairs = ratios(perSecond('RowBinary'), perSecond('JSONEachRow'))
  return {
    RowBinary: { ...of('RowBinary'), encodeUs },
    Native: of('Native'),
    JSONEachRow: { ...of('JSONEachRow'), encodeUs: jsonUs },
    ratio: median(pairs),
    ratioSpread: spread(pairs),
  }
}

function usPerRow(rows: number, encode: () => unknown): number {
  const times = Array.from({ length: 5 }, () => {
    const startedMs = performance.now()
    encode()
    return ((performance.now() - startedMs) * 1_000) / rows
  })
  return median(times)
}
