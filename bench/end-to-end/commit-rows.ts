import type { Fleet } from '@faultline/load-generator/fleet'
import { createLoad, generate, postgresDestination } from '@faultline/load-generator/generate'
import { systemClock } from '@faultline/runtime/clock'
import { connectPostgres } from '@faultline/runtime/postgres'

interface Pace {
  /** Rows a second, or as fast as PostgreSQL takes them. */
  readonly rate: number | 'max'
  readonly rows: number
}

/** Commits measurements of a fleet to PostgreSQL; told after each chunk how many are. */
export async function commitRows(
  databaseUrl: string,
  fleet: Fleet,
  { rate, rows }: Pace,
  onProgress: (rows: number) => void = () => undefined,
): Promise<void> {
  const postgres = await connectPostgres({ databaseUrl, applicationName: 'bench' })
  const rowsPerSecond = rate === 'max' ? 1_000 : rate
  const startMs = Date.now() - (rate === 'max' ? (rows / rowsPerSecond) * 1_000 : 0)
  const healthy = { lateShare: 0, badShare: 0, defects: [] }
  await generate({
    load: createLoad({ fleet, seed: 1, startMs, rowsPerSecond, ...healthy }),
    destination: postgresDestination(postgres),
    rate,
    rows,
    clock: systemClock,
    onProgress: (progress) => {
      onProgress(progress.rows)
    },
  })
  await postgres.close()
}
