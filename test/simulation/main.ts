import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { faultKinds, type FaultKind } from './fault-plan.ts'
import { runSeed } from './run-seed.ts'
import type { Report } from './worker.ts'

const help = `Examples
  npm run simulate -- --seeds 100000
  npm run simulate -- --seed 4711 --trace
  npm run simulate -- --seeds 2000 --faults network,kill,pause

Runs the enricher, the Redis consumer and the ClickHouse sink against a model of Kafka, Redis and ClickHouse under a virtual
clock, once for each seed. A seed replays exactly. Exit code 1: a seed showed a violation.

  --seeds N     how many (2000)
  --seed N      the first one (1)
  --workers N   threads (2)
  --faults A,B  only these kinds: ${faultKinds.join(', ')}
  --first       stop at the first violation
  --trace       one seed, line by line`

function fail(message: string): never {
  process.stderr.write(`${message}\n\n${help}\n`)
  process.exit(2)
}

function wholeNumber(name: string, text: string): number {
  if (!/^\d+$/.test(text)) fail(`--${name} wants a whole number, got "${text}"`)
  return Number(text)
}

function kindsOf(text: string | undefined): readonly FaultKind[] {
  if (text === undefined) return faultKinds
  return text.split(',').map((name) => {
    const kind = faultKinds.find((candidate) => candidate === name)
    return kind ?? fail(`no such fault: "${name}"`)
  })
}

function options() {
  try {
    const { values } = parseArgs({
      options: {
        seeds: { type: 'string', default: '2000' },
        seed: { type: 'string', default: '1' },
        workers: { type: 'string', default: String(Math.min(2, availableParallelism())) },
        faults: { type: 'string' },
        first: { type: 'boolean', default: false },
        trace: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    return {
      seeds: wholeNumber('seeds', values.seeds),
      seed: wholeNumber('seed', values.seed),
      workers: Math.max(1, wholeNumber('workers', values.workers)),
      kinds: kindsOf(values.faults),
      stopsAtFirst: values.first,
      isTraced: values.trace,
      isHelp: values.help,
    }
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error))
  }
}

const print = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

/** The worker's counts, added up. */
class Totals {
  seeds = 0
  rows = 0
  events = 0
  recoveryMs = 0
  failedSeeds = 0
  readonly tally = new Map<string, number>()

  add(report: Extract<Report, { kind: 'counts' }>): void {
    this.seeds += report.seeds
    this.rows += report.rows
    this.events += report.events
    this.recoveryMs = Math.max(this.recoveryMs, report.recoveryMs)
    for (const [name, count] of report.tally) {
      this.tally.set(name, (this.tally.get(name) ?? 0) + count)
    }
  }
}

const shownMax = 20

async function runAll(): Promise<number> {
  const { seeds, seed, workers, kinds, stopsAtFirst } = chosen
  const totals = new Totals()
  const running: Worker[] = []
  const start = performance.now()
  let shownAt = start
  await Promise.all(
    Array.from({ length: workers }, (_, index) => {
      const worker = new Worker(new URL('./worker.ts', import.meta.url), {
        workerData: { first: seed + index, step: workers, end: seed + seeds, kinds },
      })
      running.push(worker)
      const { promise, resolve, reject } = Promise.withResolvers<undefined>()
      worker.on('message', (report: Report) => {
        if (report.kind === 'counts') totals.add(report)
        else {
          totals.failedSeeds += 1
          if (totals.failedSeeds <= shownMax) {
            print(`seed ${report.seed}:`)
            for (const violation of report.violations.slice(0, 5)) print(`  ${violation}`)
            print(`  replay: npm run simulate -- --seed ${report.seed} --trace`)
          }
          if (stopsAtFirst) for (const other of running) void other.terminate()
        }
        if (performance.now() - shownAt < 10_000) return
        shownAt = performance.now()
        const perSecond = totals.seeds / ((shownAt - start) / 1_000)
        print(`${totals.seeds} of ${seeds} seeds, ${perSecond.toFixed(0)} a second`)
      })
      worker.on('error', reject)
      worker.on('exit', () => {
        resolve(undefined)
      })
      return promise
    }),
  )
  summarize(totals, (performance.now() - start) / 1_000)
  return totals.failedSeeds === 0 && totals.seeds === seeds ? 0 : 1
}

/** Names of what was refused or ended, which are consequences and not faults. */
const isConsequence = (name: string): boolean =>
  /^(refused|ended by|transaction |session |rebalance)/.test(name)

function summarize(totals: Totals, seconds: number): void {
  const entries = [...totals.tally].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const section = (title: string, names: typeof entries): void => {
    print(title)
    for (const [name, count] of names) print(`  ${name.padEnd(40)} ${count}`)
  }
  section(
    'Faults',
    entries.filter(([name]) => !isConsequence(name)),
  )
  section(
    'What followed',
    entries.filter(([name]) => isConsequence(name)),
  )
  const faults = entries
    .filter(([name]) => !isConsequence(name) && name !== 'rows delivered again')
    .reduce((sum, [, count]) => sum + count, 0)
  const refused = entries
    .filter(([name]) => name.startsWith('refused'))
    .reduce((sum, [, count]) => sum + count, 0)
  const each = (count: number): string => (count / totals.seeds).toFixed(1)
  print(
    `${totals.seeds} seeds in ${seconds.toFixed(1)} s, ${(totals.seeds / seconds).toFixed(0)} a second`,
  )
  print(
    `a seed has on average ${each(totals.events)} events, ${each(faults)} faults, ${each(totals.rows)} rows; slowest recovery ${(totals.recoveryMs / 1_000).toFixed(0)} s (virtual)`,
  )
  print(`${refused} writes of former owners or to stores that lost data were refused`)
  print(`${totals.failedSeeds} seeds with violations`)
}

const chosen = options()
if (chosen.isHelp) print(help)
else if (chosen.isTraced) {
  const result = await runSeed(chosen.seed, { kinds: chosen.kinds, print })
  for (const violation of result.violations) print(violation)
  process.exitCode = result.violations.length === 0 ? 0 : 1
} else process.exitCode = await runAll()
