import { setTimeout as delay } from 'node:timers/promises'
import { defaultBatch, MeasurementWriter } from '@faultline/ingest/measurements'
import type { Fleet } from '@faultline/load-generator/fleet'
import { connectPostgres } from '@faultline/runtime/postgres'

const intervalMs = 100

/** Commits measurements of a fleet at a rate, a transaction each tenth of a second, for as long as it is told to. */
export async function commitAtRate(
  databaseUrl: string,
  fleet: Fleet,
  { rowsPerSecond, seconds }: { readonly rowsPerSecond: number; readonly seconds: number },
  onCommit: (rows: number) => void,
): Promise<void> {
  const postgres = await connectPostgres({ databaseUrl, applicationName: 'bench' })
  const writer = new MeasurementWriter(postgres, { ...defaultBatch, onCommit })
  const started = performance.now()
  const rows = rowsPerSecond * seconds
  let n = 0
  while (n < rows) {
    const due = Math.min(rows, ((performance.now() - started) / 1_000) * rowsPerSecond)
    for (; n < due; n += 1) {
      const waiting = writer.write(
        fleet.measure({ unit: n % fleet.units.length, timeMs: Date.now() }),
      )
      if (waiting !== undefined) await waiting
    }
    await writer.flush()
    await delay(intervalMs)
  }
  await postgres.close()
}

/** Commits that many as fast as it goes. */
export async function commitAll(databaseUrl: string, fleet: Fleet, rows: number): Promise<void> {
  const postgres = await connectPostgres({ databaseUrl, applicationName: 'bench' })
  const writer = new MeasurementWriter(postgres, defaultBatch)
  const firstMs = Date.now() - rows
  for (let n = 0; n < rows; n += 1) {
    const waiting = writer.write(
      fleet.measure({ unit: n % fleet.units.length, timeMs: firstMs + n }),
    )
    if (waiting !== undefined) await waiting
  }
  await writer.flush()
  await postgres.close()
}
