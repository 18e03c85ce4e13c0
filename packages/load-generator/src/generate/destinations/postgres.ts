import { defaultBatch, MeasurementWriter } from '@faultline/ingest/measurements'
import type { PostgresConnection } from '@faultline/runtime/postgres'
import type { Destination } from '../destination.ts'

/**
 * Commits to `raw_measurements` by binary COPY. The connection stays its owner's. A clock of the next century is no defect here: it
 * would make a partition of its own.
 */
export function postgresDestination(connection: PostgresConnection): Destination {
  const writer = new MeasurementWriter(connection, defaultBatch)
  return {
    defects: ['device-id', 'channels'],
    write: async (rows) => {
      for (const row of rows) {
        const waiting = writer.write(row)
        if (waiting !== undefined) await waiting
      }
    },
    flush: () => writer.flush(),
    close: () => writer.flush(),
  }
}
