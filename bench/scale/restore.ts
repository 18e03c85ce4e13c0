import { setTimeout as delay } from 'node:timers/promises'
import { environment as names } from '@faultline/contracts/environment'
import { topics } from '@faultline/contracts/topics'
import { print } from '../running-product.ts'
import { collectable, type Application, type Memory } from './application.ts'
import { compare } from './compare.ts'
import type { Source, Stage } from './stage.ts'

const limitS = 30
const channels = 100
/** How often each device was processed, and its state written, before the enricher ends. */
const passes = [1, 5] as const
const pollMs = 50

interface Settings {
  readonly runs: number
  readonly devices: number
}

type End = 'SIGKILL' | 'SIGTERM'

/** How long an enricher takes to own all partitions again, each with its state, and what a device takes of its memory. */
export async function measureRestore(stage: Stage, { runs, devices }: Settings) {
  const source = await stage.source({ devices, channels })
  const settings = stage.settings(source, await stage.topic('enriched'))
  await stage.forgetEnricher()
  const restored: object[] = []
  let enricher = stage.start('enricher/src/main.ts', settings)
  let written = 0
  for (const pass of passes) {
    const records = pass * devices
    await stage.write(source, records - written, written)
    written = records
    await untilEnriched(stage, source, { records, enricher })
    const times = new Map<End, number[]>([
      ['SIGKILL', []],
      ['SIGTERM', []],
    ])
    for (let round = 0; round < runs; round += 1) {
      for (const [signal, seconds] of times) {
        await enricher.end(signal)
        enricher = stage.start('enricher/src/main.ts', settings)
        seconds.push((await enricher.ready()) / 1_000)
        const cpu = await enricher.cpuSeconds()
        print(
          `${devices} devices, each written ${pass} times, after ${signal}: ready in ${(seconds.at(-1) ?? 0).toFixed(2)} s, ${cpu.toFixed(2)} s of processor`,
        )
      }
    }
    const result = (signal: End) => {
      const seconds = times.get(signal) ?? []
      return compare(
        seconds,
        seconds.map(() => limitS),
      )
    }
    restored.push({
      writes_of_each_device: pass,
      changelog_records: await stage.written(topics.enricherState),
      after_kill: result('SIGKILL'),
      after_stop: result('SIGTERM'),
    })
  }
  await enricher.end()
  const memory = await measureMemory(stage, source, { settings, devices, written })
  return { devices, channels, unit: 's, beside the limit', restored, memory }
}

interface MemorySettings {
  readonly settings: Readonly<Record<string, string>>
  readonly devices: number
  readonly written: number
}

/** Memory after a collection of garbage: without devices, with a catalog of them, with their states restored, and in use. */
async function measureMemory(stage: Stage, source: Source, given: MemorySettings) {
  const { settings, devices, written } = given
  const start = (changes: Readonly<Record<string, string>> = {}) =>
    stage.start('enricher/src/main.ts', { ...settings, ...changes }, { nodeOptions: collectable })
  const restoring = start()
  await restoring.ready()
  const restored = await restoring.memory()
  await stage.write(source, devices, written)
  await untilEnriched(stage, source, { records: written + devices, enricher: restoring })
  const inUse = await restoring.memory()
  await restoring.end()
  await stage.forgetState()
  const stateless = start()
  await stateless.ready()
  const catalogOnly = await stateless.memory()
  await stateless.end()
  const small = await stage.source({ devices: 4, channels })
  const idle = start({ [names.topicCatalog]: small.catalog, [names.topicMeasurements]: small.raw })
  await idle.ready()
  const nothing = await idle.memory()
  await idle.end()
  const perDevice = (more: Memory, less: Memory) => ({
    rss_bytes: Math.round(((more.rssMb - less.rssMb) * 1e6) / devices),
    heap_bytes: Math.round(((more.heapMb - less.heapMb) * 1e6) / devices),
    external_bytes: Math.round(((more.externalMb - less.externalMb) * 1e6) / devices),
  })
  const result = {
    ...{ nothing, catalog_only: catalogOnly, restored, in_use: inUse },
    device_in_catalog: perDevice(catalogOnly, nothing),
    device_state_restored: perDevice(restored, catalogOnly),
    device_state_in_use: perDevice(inUse, catalogOnly),
  }
  print(`memory: ${JSON.stringify(result)}`)
  return result
}

interface Enriched {
  readonly records: number
  readonly enricher: Application
}

async function untilEnriched(stage: Stage, { raw }: Source, { records, enricher }: Enriched) {
  while ((await stage.enriched(raw)) < records) {
    enricher.assertRunning()
    await delay(pollMs)
  }
}
