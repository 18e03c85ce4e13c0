/**
 * Rebuilds Redis from enriched records while the API is asked all the time: how long each step takes, how many requests failed, and the
 * percentiles of the API before and meanwhile. It starts back ends of its own, writes the records, and lets a first rebuild fill Redis.
 * Prints one line of JSON.
 *
 *   npm run bench:rebuild -- [records]
 */
import { execFile } from 'node:child_process'
import { availableParallelism, loadavg } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { enrichedMeasurementAvro } from '@faultline/contracts/enriched-measurement'
import { environment as names } from '@faultline/contracts/environment'
import { topics, topicSpecs } from '@faultline/contracts/topics'
import { connectKafka } from '@faultline/runtime/kafka'
import { ensureTopics } from '@faultline/runtime/kafka-admin'
import { createLogger } from '@faultline/runtime/logging'
import { createEncoder, httpSchemaRegistry } from '@faultline/runtime/registry'
import { startApi } from '../test/integration/api/api-process.ts'
import { enrichedMeasurement } from '../test/support/enriched-measurements.ts'
import { hvacReadings } from '../test/support/product/fleet.ts'
import { project, withBackEnds, type Environment } from './back-ends.ts'
import { print } from './running-product.ts'
import { percentiles } from './statistics.ts'

const records = Number(process.argv[2] ?? 1_000_000)
const deviceCount = 500
const partitions = 4
const firstAtMs = Date.UTC(2026, 0, 1)
const intervalMs = 60_000
const loops = 4
const pauseMs = 10
const baselineMs = 15_000

/** Measurements of all devices once a minute; one in twelve is a fault, as in a fleet with a few broken units. */
function measurementAt(n: number) {
  const device = n % deviceCount
  const isFault = (device * 7_919 + Math.floor(n / deviceCount / 30)) % 12 === 0
  const measured_at = firstAtMs + Math.floor(n / deviceCount) * intervalMs + device
  const explanation = {
    ...({ source: 'rule', code: 'HIGH_TEMP', channel: 'temp_supply_air' } as const),
    ...{ value: 38.5, limit: 35, contribution: 0.6 },
  }
  return enrichedMeasurement({
    event_id: String(n + 1),
    device_id: `AC-${String(device).padStart(4, '0')}`,
    type: device % 5 === 0 ? 'ahu' : 'hvac',
    name: `Unit ${device}`,
    location: 'Depot North',
    car_number: device % 8,
    measured_at,
    committed_at: measured_at + 400,
    enriched_at: measured_at + 450,
    fault_score: isFault ? 0.6 : 0,
    alert_level: isFault ? 'warning' : 'normal',
    fault_reasons: isFault ? ['HIGH_TEMP'] : [],
    explanation: isFault ? [explanation] : [],
    features: { max_z: 2.5, events: 120 },
    readings: [...hvacReadings({ 0: 18 + (n % 30) / 10 })],
    source: { partition: device % partitions, offset: n, lsn: n, transaction: null },
  })
}

async function writeTopic(env: Environment): Promise<void> {
  const brokers = (env[names.kafkaBootstrap] ?? '').split(',')
  const logger = createLogger('bench', 'silent')
  const kafka = await connectKafka({ brokers, clientId: 'bench', logger })
  await ensureTopics(
    brokers,
    topicSpecs(partitions).filter(({ name }) => name === topics.enrichedMeasurements),
  )
  const registry = httpSchemaRegistry(env[names.schemaRegistryUrl] ?? '')
  const encode = await createEncoder(registry, topics.enrichedMeasurements, enrichedMeasurementAvro)
  const producer = kafka.value.kafka.producer()
  await producer.connect()
  const perRequest = 3_000
  for (let start = 0; start < records; start += perRequest) {
    const messages = Array.from({ length: Math.min(perRequest, records - start) }, (_, i) => {
      const measurement = measurementAt(start + i)
      const { device_id, source } = measurement
      return { partition: source.partition, key: device_id, value: encode(measurement) }
    })
    await producer.send({ topic: topics.enrichedMeasurements, messages })
  }
  await producer.disconnect()
  await kafka.stop()
}

interface Rebuilt {
  readonly outcome: string
  readonly records: number
  readonly seconds: Readonly<Record<string, number>>
  readonly cpuSeconds: Readonly<Record<string, number>>
}

async function rebuild(env: Environment): Promise<Rebuilt> {
  const main = join(project, 'apps', 'redis-consumer', 'src', 'rebuild', 'main.ts')
  const flags = ['--disable-warning=TimeoutNegativeWarning']
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, main, '--json'], {
    env: { ...process.env, ...env },
  })
  return JSON.parse(stdout) as Rebuilt
}

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
  await writeTopic(env)
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
