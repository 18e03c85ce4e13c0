import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { environment as names } from '@faultline/contracts/environment'
import { MqttBroker } from '../../test/support/mqtt-broker.ts'
import { median, spread } from '../statistics.ts'
import { print } from '../running-product.ts'
import type { Stage } from './stage.ts'

const records = 1_000
const size = { devices: 10, channels: 100 }

/** The demo fleet is not among them: it would fill the stack. */
const apps = [
  'enricher',
  'redis-consumer',
  'clickhouse-sink',
  'api',
  'auditor',
  'postgres-keeper',
  'collector',
  'mqtt-source',
] as const

/** From the start of each application until it says that it is ready, one at a time, with back ends that run and hold little. */
export async function measureStartUp(stage: Stage, { runs }: { readonly runs: number }) {
  const folder = mkdtempSync(join(tmpdir(), 'faultline-bench-'))
  await using broker = await MqttBroker.start()
  const source = await stage.source(size)
  await stage.write(source, records)
  await stage.forgetEnricher()
  await stage.forgetRedis()
  const settings = {
    ...stage.settings(source, await stage.topic('enriched')),
    [names.collectFolder]: folder,
    [names.mqttErrorFolder]: folder,
    [names.mqttUrl]: broker.url,
  }
  const figures: Record<string, object> = {}
  try {
    for (const app of apps) {
      const ms: number[] = []
      const cpuMs: number[] = []
      // The first start compiles, as after an update; it is not counted.
      for (let round = -1; round < runs; round += 1) {
        const started = stage.start(`${app}/src/main.ts`, settings)
        const took = await started.ready()
        const cpu = await started.cpuSeconds()
        await started.end()
        if (round < 0) continue
        ms.push(Math.round(took))
        cpuMs.push(Math.round(cpu * 1_000))
      }
      figures[app] = { ms: median(ms), spread: spread(ms), cpu_ms: median(cpuMs) }
      print(`${app}: ready in ${JSON.stringify(figures[app])}`)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return figures
}
