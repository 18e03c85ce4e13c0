import { median, percentile, spread } from '../statistics.ts'
import { print } from '../running-product.ts'
import type { Application } from './application.ts'
import { compare } from './compare.ts'
import { workOff, type Halves } from './halves.ts'
import { sampleDuring } from './sample.ts'
import type { Source, Stage } from './stage.ts'

const counts = [1, 2, 4] as const
const size = { devices: 500, channels: 100 }
const warmUpShare = 0.2
const sampleEveryMs = 50

interface Settings {
  readonly runs: number
  readonly records: number
}

interface Group {
  readonly name: string
  readonly start: () => Application
  readonly done: () => Promise<number>
}

/** A backlog of four partitions worked off by one, two and four instances of the enricher, and of the Redis consumer. */
export async function measureInstances(stage: Stage, { runs, records }: Settings) {
  const source = await stage.source(size)
  await stage.write(source, records)
  const enricher = new Map<number, Halves[]>()
  const consumer = new Map<number, Halves[]>()
  for (let round = 0; round < runs; round += 1) {
    for (const count of counts) {
      const enriched = await stage.topic('enriched')
      const settings = stage.settings(source, enriched)
      await stage.forgetEnricher()
      const group = (program: string, done: Group['done']): Group => ({
        ...{ name: program, done },
        start: () => stage.start(`${program}/src/main.ts`, settings),
      })
      const enriching = group('enricher', () => stage.enriched(source.raw))
      note(enricher, count, await race(stage, { group: enriching, count, records }))
      await stage.forgetRedis()
      const serving = group('redis-consumer', () => stage.served())
      note(consumer, count, await race(stage, { group: serving, count, records }))
      await stage.deleteTopics(enriched)
    }
  }
  await stage.deleteTopics(source.raw, source.catalog)
  return { records, enricher: summary(enricher), redis_consumer: summary(consumer) }
}

interface Race {
  readonly group: Group
  readonly count: number
  readonly records: number
}

async function race(stage: Stage, { group, count, records }: Race): Promise<Halves> {
  const instances = Array.from({ length: count }, () => group.start())
  const pids = new Map([
    ...instances.map(({ pid }, n) => [`instance ${n + 1}`, pid] as const),
    ['broker', stage.pids.broker],
    ['redis', stage.pids.redis],
  ])
  const halves = await workOff({
    ...{ records, done: group.done, pids },
    assertRunning: () => {
      for (const instance of instances) instance.assertRunning()
    },
  })
  await Promise.all(instances.map((instance) => instance.end()))
  const { perSecond, secondHalfPerSecond, cpuUs, busy } = halves
  print(
    `${group.name} x ${count}: ${perSecond.toLocaleString('en')} records/s, second half ${secondHalfPerSecond.toLocaleString('en')}, ` +
      `µs a record ${JSON.stringify(cpuUs)}, ${busy} of the processors`,
  )
  return halves
}

function note<Value>(figures: Map<number, Value[]>, count: number, value: Value): void {
  figures.set(count, [...(figures.get(count) ?? []), value])
}

/** Rates of the second half in records/s, beside those of one instance. */
function summary(figures: ReadonlyMap<number, readonly Halves[]>) {
  const rates = (count: number) => (figures.get(count) ?? []).map((h) => h.secondHalfPerSecond)
  const alone = rates(1)
  return Object.fromEntries(
    counts.map((count) => {
      const all = figures.get(count) ?? []
      const us = (kind: (name: string) => boolean) =>
        median(all.map(({ cpuUs }) => sum(Object.entries(cpuUs).filter(([name]) => kind(name)))))
      const result = {
        ...compare(rates(count), alone),
        records_per_second: spread(rates(count)),
        with_start: median(all.map(({ perSecond }) => perSecond)),
        instances_us: us((name) => name.startsWith('instance')),
        broker_us: us((name) => name === 'broker'),
        redis_us: us((name) => name === 'redis'),
        busy: median(all.map(({ busy }) => busy)),
      }
      return [count, result] as const
    }),
  )
}

function sum(entries: readonly (readonly [string, number])[]): number {
  return entries.reduce((total, [, value]) => total + value, 0)
}

interface Pace {
  readonly runs: number
  readonly perSecond: number
  readonly seconds: number
}

/** How far the enricher is behind while measurements come in at a steady rate. */
export async function measureLag(stage: Stage, { runs, perSecond, seconds }: Pace) {
  const lags = new Map<number, { p50: number; p99: number }[]>()
  for (let round = 0; round < runs; round += 1) {
    for (const count of counts) {
      const source = await stage.source(size)
      const enriched = await stage.topic('enriched')
      await stage.forgetEnricher()
      const settings = stage.settings(source, enriched)
      const instances = Array.from({ length: count }, () =>
        stage.start('enricher/src/main.ts', settings),
      )
      await Promise.all(instances.map((instance) => instance.ready()))
      const samples = await sampleLag(stage, source, { perSecond, seconds })
      await Promise.all(instances.map((instance) => instance.end()))
      await stage.deleteTopics(source.raw, source.catalog, enriched)
      const lag = { p50: percentile(samples, 0.5), p99: percentile(samples, 0.99) }
      note(lags, count, lag)
      print(
        `enricher x ${count} at ${perSecond} records/s: behind by ${JSON.stringify(lag)} records`,
      )
    }
  }
  const ofCount = (count: number) => {
    const all = lags.get(count) ?? []
    const of = (read: (lag: { p50: number; p99: number }) => number) => {
      const records = median(all.map(read))
      return {
        records,
        ms: Math.round((records / perSecond) * 1_000),
        spread: spread(all.map(read)),
      }
    }
    return { p50: of(({ p50 }) => p50), p99: of(({ p99 }) => p99) }
  }
  const figures = counts.map((count) => [count, ofCount(count)] as const)
  return { records_per_second: perSecond, seconds, ...Object.fromEntries(figures) }
}

async function sampleLag(
  stage: Stage,
  source: Source,
  pace: Omit<Pace, 'runs'>,
): Promise<number[]> {
  const { perSecond, seconds } = pace
  const fed = stage.feed(source, perSecond * seconds, perSecond)
  const samples = await sampleDuring(fed, sampleEveryMs, async () => {
    const done = await stage.enriched(source.raw)
    return (await stage.written(source.raw)) - done
  })
  return samples.slice(Math.floor(samples.length * warmUpShare))
}
