import { MeasurementWriter } from '@faultline/ingest/measurements'
import type { PostgresConnection } from '@faultline/runtime/postgres'
import { lastReportAt, reportsBetween, type Fleet } from '@faultline/load-generator/fleet'

const backFillMs = 2 * 60 * 60_000
/** Every unit every five minutes, as the real fleet reports. */
const intervalSeconds = 300

/**
 * Gives a new fleet a past of two hours, so that charts and rankings have something to show. All of it is one transaction:
 * after a crash it is there or not, and a fleet that has ever reported gets none. Returns the rows written.
 */
export async function backFillOnce(
  connection: PostgresConnection,
  fleet: Fleet,
  nowMs: number,
): Promise<number> {
  const [found] = await connection.query<{ reported: boolean }>(
    'select exists (select from raw_measurements where device_id = any($1)) as reported',
    [fleet.units.map(({ deviceId }) => deviceId)],
  )
  if (found?.reported === true) return 0
  let rows = 0
  const writer = new MeasurementWriter(connection, {
    batchRows: Number.POSITIVE_INFINITY,
    batchBytes: Number.POSITIVE_INFINITY,
    onCommit: (committed) => {
      rows += committed
    },
  })
  const units = fleet.units.length
  const rowsPerSecond = units / intervalSeconds
  const after = lastReportAt(nowMs - backFillMs, rowsPerSecond)
  const upTo = lastReportAt(nowMs, rowsPerSecond)
  for (const report of reportsBetween(after, upTo, { units, rowsPerSecond })) {
    await writer.write(fleet.measure(report))
  }
  await writer.flush()
  return rows
}
