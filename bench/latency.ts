/**
 * Commit to visible: rows are committed to PostgreSQL at a steady rate, a hundred transactions a second, and ten times a second the API is
 * asked for a device until its summary shows the row just committed. Prints the percentiles of the time from the end of COMMIT to that answer,
 * and, from the times that the records carry, how long each stage took. Ends with one line of JSON.
 *
 *   npx faultline up --detach --no-demo && eval "$(npx faultline env)" && npm run bench:latency -- [--rates 100,1000,5000] [--seconds 60]
 */
import { availableParallelism, loadavg } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { MeasurementWriter } from '@faultline/ingest/measurements'
import { createFleet, registerUnits } from '@faultline/load-generator/fleet'
import { connectPostgres, type PostgresConnection } from '@faultline/runtime/postgres'
import { stackProcesses } from './end-to-end/chain.ts'
import { processorSeconds } from './end-to-end/processor-time.ts'
import { openTopics, sampleKey, type Passage } from './latency/stages.ts'
import { now, Watcher } from './latency/watcher.ts'
import { print, runningProduct } from './running-product.ts'
import { percentiles } from './statistics.ts'

const { values: options } = parseArgs({
  options: {
    rates: { type: 'string', default: '100,1000,5000' },
    seconds: { type: 'string', default: '60' },
    'warm-up': { type: 'string', default: '60' },
  },
})
const commitsPerSecond = 100
const sampleEvery = 10
const product = runningProduct()
const fleet = createFleet({ seed: 1, idPrefix: 'BENCH' })

interface Sample {
  readonly key: string
  readonly committed: number
  readonly visible: number
}

/** Commits rows at a rate and follows one of each tenth commit until it is visible. */
async function run(postgres: PostgresConnection, rate: number, seconds: number): Promise<Sample[]> {
  const rowsPerCommit = Math.max(1, Math.round(rate / commitsPerSecond))
  const writer = new MeasurementWriter(postgres, { batchRows: 100_000, batchBytes: 16_000_000 })
  const watcher = new Watcher(product.apiUrl)
  const samples: Sample[] = []
  const looking = new Set<Promise<void>>()
  const started = performance.now()
  for (let n = 0; n < seconds * commitsPerSecond; n++) {
    await delay(Math.max(0, started + (n * 1_000) / commitsPerSecond - performance.now()))
    let row = fleet.measure({ unit: (n * rowsPerCommit) % fleet.units.length, timeMs: Date.now() })
    await writer.write(row)
    for (let more = 1; more < rowsPerCommit; more++) {
      const unit = (n * rowsPerCommit + more) % fleet.units.length
      row = fleet.measure({ unit, timeMs: Date.now() })
      await writer.write(row)
    }
    const { deviceId, measuredAtMs } = row
    await writer.flush()
    const committed = now()
    if (n % sampleEvery !== 0) continue
    const look = watcher.untilVisible(deviceId, measuredAtMs).then((visible) => {
      samples.push({ key: sampleKey(deviceId, measuredAtMs), committed, visible })
    })
    looking.add(look)
    void look.finally(() => looking.delete(look))
  }
  await Promise.all(looking)
  watcher.close()
  const lateBy = performance.now() - started - seconds * 1_000
  if (lateBy > 1_000) print(`  the rows were committed ${(lateBy / 1_000).toFixed(1)} s late`)
  return samples
}

/** The stages in their order; each ends where the next one begins. */
function stagesOf(samples: readonly Sample[], passages: ReadonlyMap<string, Passage>) {
  const known = samples.flatMap((sample) => {
    const passage = passages.get(sample.key)
    return passage === undefined ? [] : [{ ...sample, ...passage }]
  })
  const stage = (from: keyof (typeof known)[0], to: keyof (typeof known)[0]) =>
    percentiles(known.map((one) => Number(one[to]) - Number(one[from])))
  return {
    'commit to read by Debezium': stage('committed', 'captured'),
    'to the producer of Connect': stage('captured', 'produced'),
    'to enriched': stage('produced', 'enriched'),
    'to the producer of the enricher': stage('enriched', 'sent'),
    'to visible in the API': stage('sent', 'visible'),
  }
}

/** How much of one processor each process takes while `work` runs, the largest first. */
async function loadDuring<T>(work: () => Promise<T>): Promise<[T, string]> {
  const [before, startedMs] = [await processorSeconds(processes), performance.now()]
  const result = await work()
  const seconds = (performance.now() - startedMs) / 1_000
  const shares = [...(await processorSeconds(processes))]
    .map(([name, used]) => [name, (used - (before.get(name) ?? 0)) / seconds] as const)
    .sort(([, a], [, b]) => b - a)
  return [result, shares.map(([name, share]) => `${name} ${Math.round(share * 100)}`).join(', ')]
}

const processes = await stackProcesses()
const postgres = await connectPostgres({
  databaseUrl: product.databaseUrl,
  applicationName: 'bench-latency',
})
await registerUnits(postgres, fleet)
const kafka = await openTopics(product)
const warmUp = Number(options['warm-up'])
// The JVMs of Kafka and Connect compile for about a minute after a start.
if (warmUp > 0) await run(postgres, 200, warmUp)
const results: Record<string, unknown> = {}
for (const rate of options.rates.split(',').map(Number)) {
  const from = await kafka.ends()
  const [samples, load] = await loadDuring(() => run(postgres, rate, Number(options.seconds)))
  const visible = percentiles(samples.map(({ committed, visible: seen }) => seen - committed))
  const stages = stagesOf(samples, await kafka.passages(from))
  print(`${rate} rows/s, ${samples.length} samples: ${JSON.stringify(visible)}`)
  for (const [stage, of] of Object.entries(stages)) print(`  ${stage}: ${JSON.stringify(of)}`)
  print(`  percent of a processor: ${load}`)
  results[rate] = { visible, stages, load }
}
await kafka.stop()
await postgres.close()
const machine = { processors: availableParallelism(), load: loadavg()[0] }
print(JSON.stringify({ bench: 'latency', unit: 'ms', rates: results, machine }))
