/**
 * Commit to visible: rows are committed to PostgreSQL at 100 a second, one transaction each, and every tenth is looked for in
 * the API until its device's summary shows it. Prints the percentiles of the time from the end of COMMIT to the answer that shows it.
 *
 *   npx faultline up --detach --no-demo && eval "$(npx faultline env)" && npm run bench:latency [seconds]
 */
import { setTimeout as delay } from 'node:timers/promises'
import { MeasurementWriter } from '@faultline/ingest/measurements'
import { createFleet, registerUnits } from '@faultline/load-generator/fleet'
import { connectPostgres } from '@faultline/runtime/postgres'
import { print, runningProduct } from './running-product.ts'

const rowsPerSecond = 100
const sampleEvery = 10
// The JVMs of Kafka and Connect compile for about this long after a start.
const warmUpSeconds = 60
const seconds = Number(process.argv[2] ?? 60)
const { databaseUrl, apiUrl } = runningProduct()

async function untilVisible(deviceId: string, measuredAtMs: number): Promise<number> {
  for (;;) {
    const response = await fetch(`${apiUrl}/api/devices/${deviceId}`)
    const body = (await response.json()) as { last_measured_at?: number | string }
    const shown = new Date(body.last_measured_at ?? 0).getTime()
    if (response.ok && shown >= measuredAtMs) return performance.now()
    await delay(1)
  }
}

function percentile(sorted: readonly number[], share: number): string {
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
  return `${(value ?? Number.NaN).toFixed(1)} ms`
}

const postgres = await connectPostgres({ databaseUrl, applicationName: 'bench-latency' })
const fleet = createFleet({ seed: 1, idPrefix: 'BENCH' })
await registerUnits(postgres, fleet)
const writer = new MeasurementWriter(postgres, { batchRows: 1, batchBytes: 1_000_000 })
const times: number[] = []
const looking = new Set<Promise<void>>()
const total = (warmUpSeconds + seconds) * rowsPerSecond
const started = performance.now()
for (let n = 0; n < total; n++) {
  await delay(Math.max(0, started + (n * 1_000) / rowsPerSecond - performance.now()))
  const row = fleet.measure({ unit: n % fleet.units.length, timeMs: Date.now() })
  const { deviceId, measuredAtMs } = row
  await writer.write(row)
  await writer.flush()
  const committed = performance.now()
  if (n % sampleEvery !== 0) continue
  const look = untilVisible(deviceId, measuredAtMs).then((visible) => {
    if (n >= warmUpSeconds * rowsPerSecond) times.push(visible - committed)
  })
  looking.add(look)
  void look.finally(() => looking.delete(look))
}
await Promise.all(looking)
await postgres.close()
const sorted = times.toSorted((a, b) => a - b)
print(
  `commit to visible in the API, ${rowsPerSecond} rows/s for ${seconds} s, ${sorted.length} samples: ` +
    `p50 ${percentile(sorted, 0.5)}, p90 ${percentile(sorted, 0.9)}, p99 ${percentile(sorted, 0.99)}, max ${percentile(sorted, 1)}`,
)
