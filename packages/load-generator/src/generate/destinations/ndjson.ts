import { once } from 'node:events'
import type { Writable } from 'node:stream'
import type { Measurement } from '@faultline/ingest/measurements'
import type { Destination } from '../destination.ts'

/** A row as `POST /api/measurements` takes it, on one line without its end. Rows of the generator lose nothing by it. */
export function measurementJson(row: Measurement): string {
  const readings: (number | null)[] = []
  for (const reading of row.readings) {
    readings.push(Number.isNaN(reading) ? null : Math.round(reading * 1_000) / 1_000)
  }
  return JSON.stringify({
    device_id: row.deviceId,
    measured_at: row.measuredAtMs,
    readings,
    ...(row.carNumber === null ? {} : { car_number: row.carNumber }),
  })
}

export function ndjsonLines(rows: readonly Measurement[]): string {
  return rows.map((row) => `${measurementJson(row)}\n`).join('')
}

/** Lines of JSON for a stream, which holds the load back where its reader is slow. */
export function ndjsonDestination(output: Writable): Destination {
  return {
    defects: ['clock', 'device-id', 'channels'],
    write: async (rows) => {
      if (!output.write(ndjsonLines(rows))) await once(output, 'drain')
    },
    flush: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
}
