/**
 * What the whole chain takes, with everything on this machine. First rows are committed as fast as PostgreSQL takes them, and the time
 * until Redis and ClickHouse hold them all is taken, with the processor time of every process; then the same rows again with all
 * processes after capture stopped (SIGSTOP), which is what Debezium alone can do. With --rate, rows are then committed at that rate for
 * --minutes, and how far Redis and ClickHouse lag is sampled. Ends with one line of JSON. Linux only.
 *
 *   npx faultline up --detach --no-demo && eval "$(npx faultline env)" && npm run bench:end-to-end -- --rows 50000 --runs 3
 *   … npm run bench:end-to-end -- --rate 1000 --minutes 10
 */
import { availableParallelism } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createFleet, registerUnits } from '@faultline/load-generator/fleet'
import { connectPostgres } from '@faultline/runtime/postgres'
import { openChain, stackProcesses, type Reached } from './end-to-end/chain.ts'
import { commitRows } from './end-to-end/commit-rows.ts'
import { processorSeconds } from './end-to-end/processor-time.ts'
import { print, runningProduct } from './running-product.ts'
import { median, ratios, spread } from './statistics.ts'

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '50000' },
    runs: { type: 'string', default: '3' },
    rate: { type: 'string', default: '0' },
    minutes: { type: 'string', default: '10' },
  },
})
const rows = Number(values.rows)
const runs = Number(values.runs)
const rate = Number(values.rate)
const seconds = Number(values.minutes) * 60
const product = runningProduct()
const { databaseUrl } = product
const captures = ['postgres', 'kafka', 'registry', 'connect']

const fleet = createFleet({ seed: 1, idPrefix: 'E2E' })
const postgres = await connectPostgres({ databaseUrl, applicationName: 'bench' })
await registerUnits(postgres, fleet)
await postgres.close()
const chain = await openChain(product)
const processes = await stackProcesses()

async function until(isThere: () => Promise<boolean>): Promise<void> {
  while (!(await isThere())) await delay(20)
}

/** Until everything committed so far is in both stores: they hold the same number and it has not grown for a second. */
async function settled(): Promise<Reached> {
  for (;;) {
    const before = await chain.reached()
    await delay(1_000)
    const now = await chain.reached()
    if (now.redis === before.redis && now.clickhouse === before.clickhouse) return now
  }
}

interface WholeRun {
  readonly rowsPerSecond: number
  readonly microseconds: ReadonlyMap<string, number>
}

async function wholeChain(): Promise<WholeRun> {
  const start = await settled()
  const before = await processorSeconds(processes)
  const startedMs = performance.now()
  await commitRows(databaseUrl, fleet, { rate: 'max', rows })
  await until(async () => {
    const { redis, clickhouse } = await chain.reached()
    return redis - start.redis >= rows && clickhouse - start.clickhouse >= rows
  })
  const took = (performance.now() - startedMs) / 1_000
  const after = await processorSeconds(processes)
  const microseconds = new Map(
    [...after].map(([name, used]) => [name, ((used - (before.get(name) ?? 0)) / rows) * 1e6]),
  )
  return { rowsPerSecond: rows / took, microseconds }
}

async function captureAlone(): Promise<number> {
  await settled()
  const others = [...processes].filter(([name]) => !captures.includes(name)).map(([, pid]) => pid)
  const start = await chain.raw()
  for (const pid of others) process.kill(pid, 'SIGSTOP')
  try {
    const startedMs = performance.now()
    await commitRows(databaseUrl, fleet, { rate: 'max', rows })
    await until(async () => (await chain.raw()) - start >= rows)
    return rows / ((performance.now() - startedMs) / 1_000)
  } finally {
    for (const pid of others) process.kill(pid, 'SIGCONT')
  }
}

interface Lag {
  readonly seconds: number
  readonly redis: number
  readonly clickhouse: number
}

/** Lags in rows, sampled every five seconds. */
async function sustained(): Promise<readonly Lag[]> {
  const start = await settled()
  let committed = 0
  const over = new AbortController()
  const pace = { rate, rows: rate * seconds }
  const writing = commitRows(databaseUrl, fleet, pace, (count) => {
    committed = count
  }).finally(() => {
    over.abort()
  })
  const lags: Lag[] = []
  const startedMs = performance.now()
  while (!over.signal.aborted) {
    await Promise.race([delay(5_000), writing])
    // Counted before the stores are asked: a lag is never less than it was.
    const given = committed
    const { redis, clickhouse } = await chain.reached()
    const lag = {
      seconds: Math.round((performance.now() - startedMs) / 1_000),
      redis: Math.max(0, given - (redis - start.redis)),
      clickhouse: Math.max(0, given - (clickhouse - start.clickhouse)),
    }
    lags.push(lag)
    if (lags.length % 12 === 0) {
      print(`${lag.seconds} s: Redis ${lag.redis}, ClickHouse ${lag.clickhouse} rows behind`)
    }
  }
  await writing
  return lags
}

function flatness(lags: readonly Lag[], store: 'redis' | 'clickhouse') {
  const half = Math.floor(lags.length / 2)
  const of = (part: readonly Lag[]) => median(part.map((lag) => lag[store]))
  return { first_half: of(lags.slice(0, half)), second_half: of(lags.slice(half)) }
}

const whole: WholeRun[] = []
const alone: number[] = []
for (let run = 1; run <= runs; run += 1) {
  const found = await wholeChain()
  whole.push(found)
  alone.push(await captureAlone())
  print(
    `run ${run}: ${Math.round(found.rowsPerSecond)} rows/s to both stores, capture alone ${Math.round(alone.at(-1) ?? 0)} rows/s`,
  )
}
const times = new Map(
  [...processes.keys()].map((name) => [
    name,
    Math.round(median(whole.map(({ microseconds }) => microseconds.get(name) ?? 0))),
  ]),
)
if (runs > 0) {
  print('microseconds of processor time a row, median of the runs:')
  for (const [name, used] of [...times].toSorted((a, b) => b[1] - a[1])) print(`  ${name} ${used}`)
}
const lags = rate > 0 ? await sustained() : []
const ours = whole.map(({ rowsPerSecond }) => Math.round(rowsPerSecond))
const pairs = ratios(ours, alone)
print(
  JSON.stringify({
    bench: 'end-to-end',
    ours: median(ours),
    peer: Math.round(median(alone)),
    ratio: median(pairs),
    runs,
    spread: spread(pairs),
    rows,
    cores: availableParallelism(),
    microseconds: Object.fromEntries(times),
    ...(lags.length === 0
      ? {}
      : {
          sustained: {
            rows_per_second: rate,
            minutes: Number(values.minutes),
            redis_lag: flatness(lags, 'redis'),
            clickhouse_lag: flatness(lags, 'clickhouse'),
          },
        }),
  }),
)
await chain.close()
