/**
 * Rebuilds Redis from enriched records while the API is asked all the time: how long each step takes, how many requests failed, and the
 * percentiles of the API before and meanwhile. It starts back ends of its own, writes the records, and lets a first rebuild fill Redis.
 * Prints one line of JSON.
 *
 *   npm run bench:rebuild -- [records]
 */
import { availableParallelism, loadavg } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { environment as names } from '@faultline/contracts/environment'
import { topics } from '@faultline/contracts/topics'
import { startApi } from '../test/integration/api/api-process.ts'
import { withBackEnds, type Environment } from './back-ends.ts'
import { rebuild } from './consumer/rebuild.ts'
import { deviceCount, writeTopic } from './consumer/topic.ts'
import { print } from './running-product.ts'
import { percentiles } from './statistics.ts'

const records = Number(process.argv[2] ?? 1_000_000)
const loops = 4
const pauseMs = 10
const baselineMs = 15_000

/** Asks the API until it is told to stop. */
class Readers {
  #times: number[] = []
  #isStopped = false
  readonly #loops: readonly Promise<void>[]
  failed = 0

  constructor(origin: string) {
    this.#loops = Array.from({ length: loops }, (_, loop) => this.#ask(origin, loop))
  }

  /** Requests and percentiles, in ms, since the last call. */
  lap() {
    const times = this.#times
    this.#times = []
    return { requests: times.length, ...percentiles(times) }
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await Promise.all(this.#loops)
  }

  async #ask(origin: string, loop: number): Promise<void> {
    for (let n = loop; !this.#isStopped; n += loops) {
      const device = `AC-${String((n * 37) % deviceCount).padStart(4, '0')}`
      const started = performance.now()
      try {
        const path = n % 2 === 0 ? `devices/${device}` : 'faults/top'
        const response = await fetch(`${origin}/api/${path}`)
        await response.text()
        if (response.status !== 200) this.failed += 1
      } catch {
        this.failed += 1
      }
      this.#times.push(performance.now() - started)
      await delay(pauseMs)
    }
  }
}

async function measure(env: Environment): Promise<void> {
  await writeTopic(env, { topic: topics.enrichedMeasurements, records })
  await rebuild(env)
  const { [names.redisUrl]: redisUrl = '', [names.clickhouseUrl]: clickhouseUrl = '' } = env
  const api = await startApi({ redisUrl, clickhouseUrl })
  const readers = new Readers(api.origin)
  await delay(baselineMs / 3)
  readers.lap()
  await delay(baselineMs)
  const before = readers.lap()
  const { outcome, records: rebuilt, seconds, cpuSeconds } = await rebuild(env)
  const during = readers.lap()
  await readers.stop()
  await api.stop()
  const total = Object.values(seconds).reduce((sum, s) => sum + s, 0)
  const result = { bench: 'rebuild', outcome, records: rebuilt, seconds: { total, ...seconds } }
  const machine = { processors: availableParallelism(), load: loadavg()[0] }
  print(JSON.stringify({ ...result, cpuSeconds, failed: readers.failed, before, during, machine }))
}

await withBackEnds(measure)
