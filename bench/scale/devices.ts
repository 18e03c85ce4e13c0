import { median } from '../statistics.ts'
import { print } from '../running-product.ts'
import { compare } from './compare.ts'
import type { FleetSize } from './fleet.ts'
import { workOff } from './halves.ts'
import type { Source, Stage } from './stage.ts'

/** One size after the other in each round, so that ratios are of figures taken close together. */
const byDevices = [1_000, 10_000, 100_000].map((devices) => ({ devices, channels: 100 }))
const byChannels = [10, 50].map((channels) => ({ devices: 1_000, channels }))
const sizes: readonly FleetSize[] = [...byDevices, ...byChannels]

interface Settings {
  readonly runs: number
  /** At least twice the devices, so that in the second half all of them have a state. */
  readonly records: number
}

interface Cost {
  readonly enricherUs: number
  readonly brokerUs: number
  readonly consumerUs: number
  readonly redisUs: number
  readonly enricherPerSecond: number
  readonly consumerPerSecond: number
  readonly enricherMb: number
}

/** Processor time of a record as devices and channels grow; every device reports in turn, the hardest order for what is kept by device. */
export async function measureCost(stage: Stage, { runs, records }: Settings) {
  const sources = new Map<FleetSize, Source>()
  for (const size of sizes) {
    const source = await stage.source(size)
    await stage.write(source, records)
    sources.set(size, source)
  }
  const costs = new Map<FleetSize, Cost[]>(sizes.map((size) => [size, []]))
  for (let round = 0; round < runs; round += 1) {
    for (const [size, source] of sources) {
      const cost = await measureOne(stage, source, records)
      costs.get(size)?.push(cost)
      print(`${size.devices} devices of ${size.channels} channels: ${JSON.stringify(cost)}`)
    }
  }
  const of = (size: FleetSize, read: (cost: Cost) => number) => (costs.get(size) ?? []).map(read)
  const figures = sizes.map((size) => {
    const medians = (Object.keys(costs.get(size)?.[0] ?? {}) as (keyof Cost)[]).map(
      (name) => [name, median(of(size, (cost) => cost[name]))] as const,
    )
    return { ...size, ...Object.fromEntries(medians) }
  })
  const ratio = (large: FleetSize | undefined, small: FleetSize | undefined) => {
    const read = ({ enricherUs }: Cost) => enricherUs
    if (large === undefined || small === undefined) throw new Error('a size is missing')
    return compare(of(large, read), of(small, read))
  }
  return {
    records,
    figures,
    devices_100_times: ratio(byDevices[2], byDevices[0]),
    channels_10_times: ratio(byDevices[0], byChannels[0]),
  }
}

async function measureOne(stage: Stage, source: Source, records: number): Promise<Cost> {
  const enriched = await stage.topic('enriched')
  const settings = stage.settings(source, enriched)
  await stage.forgetEnricher()
  const enricher = stage.start('enricher/src/main.ts', settings)
  const enriching = await workOff({
    records,
    done: () => stage.enriched(source.raw),
    pids: new Map([
      ['enricher', enricher.pid],
      ['broker', stage.pids.broker],
    ]),
    assertRunning: () => {
      enricher.assertRunning()
    },
  })
  const enricherMb = await enricher.rssMb()
  await enricher.end()
  await stage.forgetRedis()
  const consumer = stage.start('redis-consumer/src/main.ts', settings)
  const serving = await workOff({
    records,
    done: () => stage.served(),
    pids: new Map([
      ['consumer', consumer.pid],
      ['redis', stage.pids.redis],
    ]),
    assertRunning: () => {
      consumer.assertRunning()
    },
  })
  await consumer.end()
  await stage.deleteTopics(enriched)
  return {
    enricherUs: enriching.cpuUs['enricher'] ?? Number.NaN,
    brokerUs: enriching.cpuUs['broker'] ?? Number.NaN,
    consumerUs: serving.cpuUs['consumer'] ?? Number.NaN,
    redisUs: serving.cpuUs['redis'] ?? Number.NaN,
    enricherPerSecond: enriching.secondHalfPerSecond,
    consumerPerSecond: serving.secondHalfPerSecond,
    enricherMb,
  }
}
