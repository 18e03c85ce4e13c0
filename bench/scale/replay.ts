import { statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { print } from '../running-product.ts'
import type { Application } from './application.ts'
import { sampleDuring } from './sample.ts'
import type { Source, Stage } from './stage.ts'

const size = { devices: 1_000, channels: 10 }
const stretches = 10
const pollMs = 200
/** Raw and enriched record with what the broker adds, and room for the changelog. */
const diskBytesPerRecord = 900

/** One part of a long run. */
interface Stretch {
  readonly perSecond: number
  readonly rssMb: number
}

/**
 * Millions of records: enriched from the beginning of the raw topic, enriched again and compared by `faultline replay`, and read again by
 * `faultline rebuild redis`; and whether rate and memory are the same at the end as at the beginning.
 */
export async function measureReplay(stage: Stage, { records }: { readonly records: number }) {
  await requireDisk(records)
  const source = await stage.source(size)
  const startedMs = performance.now()
  await stage.write(source, records)
  print(`${records.toLocaleString('en')} records written in ${seconds(startedMs)} s`)
  const settings = stage.settings(source, await stage.topic('enriched'))
  await stage.forgetEnricher()
  const enriched = await enrich(stage, source, { records, settings })
  const replay = stage.start('enricher/src/replay/main.ts', settings, {
    args: [JSON.stringify({ from: 'earliest', json: true })],
  })
  const replayed = await watch(replay)
  await stage.forgetRedis()
  const rebuild = stage.start('redis-consumer/src/rebuild/main.ts', settings, { args: ['--json'] })
  const rebuilt = await watch(rebuild)
  return { records, ...size, enricher: enriched, replay: replayed, rebuild: rebuilt }
}

async function requireDisk(records: number): Promise<void> {
  const { bavail, bsize } = await statfs(tmpdir())
  const needed = records * diskBytesPerRecord
  if (bavail * bsize < 2 * needed) {
    throw new Error(`about ${Math.round(needed / 1e9)} GB are needed, and as much again to spare`)
  }
}

interface Backlog {
  readonly records: number
  readonly settings: Readonly<Record<string, string>>
}

async function enrich(stage: Stage, { raw }: Source, { records, settings }: Backlog) {
  const enricher = stage.start('enricher/src/main.ts', settings)
  await enricher.ready()
  const figures: Stretch[] = []
  let last = { done: await stage.enriched(raw), atMs: performance.now() }
  for (let stretch = 1; stretch <= stretches; stretch += 1) {
    const goal = (records * stretch) / stretches
    let done = last.done
    while (done < goal) {
      await delay(pollMs)
      enricher.assertRunning()
      done = await stage.enriched(raw)
    }
    const atMs = performance.now()
    const perSecond = Math.round(((done - last.done) / (atMs - last.atMs)) * 1_000)
    figures.push({ perSecond, rssMb: await enricher.rssMb() })
    last = { done, atMs }
    print(`enriched ${done.toLocaleString('en')}: ${JSON.stringify(figures.at(-1))}`)
  }
  const cpuSeconds = await enricher.cpuSeconds()
  await enricher.end()
  const [first, end] = [figures[1], figures.at(-1)]
  return {
    records_per_second: figures.map(({ perSecond }) => perSecond),
    rss_mb: figures.map(({ rssMb }) => rssMb),
    cpu_us: Math.round((cpuSeconds / records) * 1e7) / 10,
    // The first stretch is left out: it begins with code that is not compiled yet.
    ratio_of_rates: ratio(end?.perSecond, first?.perSecond),
    ratio_of_memory: ratio(end?.rssMb, first?.rssMb),
  }
}

/** Runs a tool to its end: its own report, how long it took, and the most memory it had in each tenth of that time. */
async function watch(tool: Application) {
  const startedMs = performance.now()
  const output = tool.output()
  const samples = await sampleDuring(output, pollMs, () => tool.rssMb())
  const report = JSON.parse((await output).trim().split('\n').at(-1) ?? '') as object
  const rssMb = Array.from({ length: stretches }, (_, n) => {
    const part = samples.slice(
      Math.floor((samples.length * n) / stretches),
      Math.floor((samples.length * (n + 1)) / stretches),
    )
    return Math.max(0, ...part)
  })
  const result = { seconds: seconds(startedMs), rss_mb: rssMb, report }
  print(JSON.stringify(result))
  return result
}

function ratio(end = Number.NaN, first = Number.NaN): number {
  return Math.round((end / first) * 100) / 100
}

function seconds(sinceMs: number): number {
  return Math.round((performance.now() - sinceMs) / 100) / 10
}
