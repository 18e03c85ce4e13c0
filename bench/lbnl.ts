/**
 * The LBNL air-handling units through the whole chain: loads them, waits until every row has its effect in every store, holds
 * the stores to each other and to a recount, and looks where the unit with a labelled fault ranks on the day of its fault.
 *
 *   npx faultline up --detach --no-demo && eval "$(npx faultline env)" && npm run bench:lbnl -- <folder of the data set>
 */
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadPath } from '@faultline/ingest/load'
import { readEnriched, type EnrichedRecord } from '../test/support/chain/enriched-topic.ts'
import { untilSettled, verifyChain } from '../test/support/chain/verify-chain.ts'
import { print, runningProduct } from './running-product.ts'
import { percentile } from './statistics.ts'

const settleLimitMs = 180_000
const dayMs = 86_400_000

interface FaultDay {
  readonly unit: string
  readonly day: string
  readonly fault: string
}

/** Sum of fault scores by unit and UTC day: `sums.get(day)?.get(unit)`. */
type DaySums = ReadonlyMap<string, ReadonlyMap<string, number>>

async function faultDays(folder: string): Promise<readonly FaultDay[]> {
  const text = await readFile(join(folder, 'scenarios.csv'), 'utf8')
  const rows = text.trim().split('\n').slice(1)
  return rows.map((row) => {
    const [unit = '', day = '', component = '', fault = ''] = row.split(',')
    return { unit, day, fault: `${component} ${fault}` }
  })
}

function daySums(records: readonly EnrichedRecord[]): DaySums {
  const sums = new Map<string, Map<string, number>>()
  for (const { measurement } of records) {
    if (measurement?.type !== 'ahu') continue
    const day = new Date(Math.floor(measurement.measured_at / dayMs) * dayMs)
      .toISOString()
      .slice(0, 10)
    const units = sums.get(day) ?? new Map<string, number>()
    sums.set(day, units)
    units.set(
      measurement.device_id,
      (units.get(measurement.device_id) ?? 0) + measurement.fault_score,
    )
  }
  return sums
}

/** What a unit's day sums to where nothing is labelled: the median of its fault-free days. */
function usualSums(sums: DaySums, faults: readonly FaultDay[]): ReadonlyMap<string, number> {
  const faulty = new Set(faults.map(({ unit, day }) => `${unit} ${day}`))
  const free = new Map<string, number[]>()
  for (const [day, units] of sums) {
    for (const [unit, sum] of units) {
      if (!faulty.has(`${unit} ${day}`)) free.set(unit, [...(free.get(unit) ?? []), sum])
    }
  }
  return new Map([...free].map(([unit, values]) => [unit, percentile(values, 0.5)]))
}

function reportRanking(sums: DaySums, faults: readonly FaultDay[]): void {
  const usual = usualSums(sums, faults)
  const first = { sameDay: 0, sameDayCases: 0, usual: 0, ownUsual: 0 }
  print(
    '\nunit       day         fault                                  sum   own usual  rank against the others on a usual day',
  )
  for (const { unit, day, fault } of faults) {
    const own = sums.get(day)?.get(unit) ?? 0
    const sameDay = [...(sums.get(day) ?? [])].filter(([other]) => other !== unit)
    if (sameDay.length > 0) {
      first.sameDayCases++
      if (sameDay.every(([, sum]) => own > sum)) first.sameDay++
    }
    const rank = 1 + [...usual].filter(([other, sum]) => other !== unit && sum >= own).length
    if (rank === 1) first.usual++
    if (own > (usual.get(unit) ?? 0)) first.ownUsual++
    const cells = [unit.padEnd(10), day, fault.padEnd(34), own.toFixed(1).padStart(8)]
    print(
      `${cells.join(' ')} ${(usual.get(unit) ?? 0).toFixed(1).padStart(10)}  ${rank} of ${usual.size}`,
    )
  }
  const cases = faults.length
  print(
    `\nfaulty unit first among the four, the others on a usual fault-free day: ${first.usual} of ${cases}`,
  )
  print(
    `faulty unit first among the units with rows of the same day:            ${first.sameDay} of ${first.sameDayCases}`,
  )
  print(
    `fault day above the unit's own usual fault-free day:                     ${first.ownUsual} of ${cases}`,
  )
}

const folder = process.argv[2]
if (folder === undefined) {
  process.stderr.write('Give the folder of the data set.\n')
  process.exit(2)
}
const product = runningProduct()
const started = performance.now()
const loaded = await loadPath({
  path: folder,
  databaseUrl: product.databaseUrl,
  rejectedFolder: join(tmpdir(), 'faultline-bench-rejected'),
})
await untilSettled(product, settleLimitMs)
const seconds = (performance.now() - started) / 1_000
print(
  `loaded ${loaded.rows} rows (${loaded.rejected} rejected) into PostgreSQL in ${loaded.seconds.toFixed(1)} s`,
)
print(`every row visible in Redis and ClickHouse after ${seconds.toFixed(1)} s`)
const counts = await verifyChain(product)
print(
  `rows: PostgreSQL ${counts.postgres}, enriched topic ${counts.enriched}, ClickHouse ${counts.clickhouse}, Redis ${counts.redis}`,
)
print('Redis equals a recount from nothing; each reading is in each roll-up once')
reportRanking(daySums(await readEnriched(product)), await faultDays(folder))
