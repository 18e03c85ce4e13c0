import { parseArgs } from 'node:util'
import { rankingWindowMs } from '@faultline/contracts/redis-keys'
import { isFaultlineError, messageOf } from '@faultline/runtime/errors'
import { createLogger } from '@faultline/runtime/logging'
import { connectRedis, type RedisClient } from '@faultline/runtime/redis'
import { redisServingStore } from '../../apps/redis-consumer/src/redis-serving-store.ts'
import type { DeviceRecord, ServingStore } from '../../apps/redis-consumer/src/serving-store.ts'
import { Chance } from '../support/chance.ts'
import { Tally } from '../simulation/tally.ts'
import { enrichedMeasurement } from '../support/enriched-measurements.ts'
import { memoryServingStore } from '../support/memory-serving-store.ts'
import { redisContents } from '../support/redis-contents.ts'
import { assertSameContents } from '../support/serving-contents.ts'

const help = `Examples
  npm run differential -- --calls 1000000 --redis redis://127.0.0.1:6379/9
  npm run differential -- --calls 5000 --seed 17 --redis redis://127.0.0.1:6379/9

Calls the Redis scripts of the consumer and a plain model with the same ranges, call by call, and compares what both answer
and, at the end of each round, everything they hold. The database named is emptied. Exit code 1: they differ.

  --calls N    how many (20000)
  --seed N     of the first round (1)
  --redis URL  a database of a Redis server that nothing else uses`

const hour = 3_600_000
const t0 = 1_700_000_000_000
const partitions = [0, 1, 2]
const devices = ['AC-1', 'AC:2', 'AC-3:7', 'P 4', 'P-5', 'P-6']
const types = ['hvac', 'pump']
const levels = ['normal', 'warning', 'critical'] as const
const settings = { halfLifeMs: hour, windows: rankingWindowMs }

interface Event {
  readonly event_id: string
  readonly device_id: string
  readonly measured_at: number
  revision: number
}

function newEvent(random: Chance, number: number, device_id: string, spanMs: number): Event {
  const measured_at = t0 + Math.round(random.next() * spanMs)
  return { event_id: String(number), device_id, measured_at, revision: 0 }
}

function measurementOf(random: Chance, event: Event, type: string) {
  return enrichedMeasurement({
    ...event,
    type,
    fault_score: random.isTrue(0.3) ? random.between(0, 1) : random.next(),
    alert_level: random.pick(levels),
    fault_reasons: random.isTrue(0.3) ? ['HIGH_TEMP'] : [],
  })
}

/** The log of each partition: offsets rise, some hold nothing, a device stays in its partition. */
function writeLogs(random: Chance, count: number): DeviceRecord[][] {
  const logs: DeviceRecord[][] = partitions.map(() => [])
  // Either events are corrected and devices change their type, or events leave the windows: docs/ranking.md says why not both.
  const isLong = random.isTrue(0.5)
  const spanMs = (isLong ? 96 : 20) * hour
  const written: Event[] = []
  for (let i = 0; i < count; i++) {
    const at = random.between(0, devices.length - 1)
    const device_id = devices[at] ?? ''
    const log = logs[at % partitions.length] ?? []
    const offset = (log.at(-1)?.offset ?? -1) + 1 + (random.isTrue(0.3) ? random.between(1, 4) : 0)
    if (random.isTrue(0.04)) {
      log.push({ offset, device_id, measurement: null })
      continue
    }
    const own = written.filter((event) => event.device_id === device_id)
    const isCorrection = !isLong && own.length > 0 && random.isTrue(0.15)
    const event = isCorrection ? random.pick(own) : newEvent(random, i, device_id, spanMs)
    if (!isCorrection) written.push(event)
    event.revision += 1
    const type = isLong ? (types[at % types.length] ?? '') : random.pick(types)
    log.push({ offset, device_id, measurement: measurementOf(random, event, type) })
  }
  return logs
}

async function outcome(work: Promise<unknown>): Promise<string> {
  try {
    return JSON.stringify(await work)
  } catch (error) {
    if (isFaultlineError(error)) return error.code
    throw error
  }
}

const kinds = [
  'next',
  'next',
  'next',
  'again',
  'skip',
  'former',
  'later',
  'nothing',
  'takeOver',
] as const
type Kind = (typeof kinds)[number]

interface Owned {
  readonly epoch: number
  next: number | null
}

type Range = Parameters<ServingStore['apply']>[0]

/** A range as an owner might give it, or one who is no owner any more, or who lost count. */
function rangeOf(random: Chance, kind: Kind, own: Owned, log: readonly DeviceRecord[]) {
  const shift =
    kind === 'again' ? -random.between(1, 10) : kind === 'skip' ? random.between(1, 10) : 0
  const firstOffset = Math.max(0, (own.next ?? 0) + shift)
  const size = kind === 'nothing' ? 0 : random.between(1, 25)
  const records = log.filter(({ offset }) => offset >= firstOffset).slice(0, size)
  const end = (records.at(-1)?.offset ?? firstOffset) + 1
  return {
    epoch: own.epoch + (kind === 'former' ? -1 : kind === 'later' ? 1 : 0),
    firstOffset,
    nextOffset: size === 0 ? firstOffset : end,
    records,
    continues: own.next !== null || random.isTrue(0.05),
  } satisfies Omit<Range, 'partition'>
}

/** The scripts on Redis and the model, asked the same. */
class Pair {
  readonly #redis: ServingStore
  readonly #model: ServingStore
  readonly #tally: Tally

  constructor(redis: ServingStore, model: ServingStore, tally: Tally) {
    this.#redis = redis
    this.#model = model
    this.#tally = tally
  }

  async takeOver(partition: number): Promise<Owned> {
    const ask = async (store: ServingStore): Promise<Owned> => {
      const { epoch, nextOffset } = await store.takeOver(partition)
      return { epoch, next: nextOffset }
    }
    const taken = await ask(this.#redis)
    this.#same('take over', JSON.stringify(taken), JSON.stringify(await ask(this.#model)))
    this.#tally.add('taken over')
    return taken
  }

  /** Whether the range was accepted. */
  async apply(range: Range): Promise<boolean> {
    const answer = await outcome(this.#redis.apply(range))
    const { records, ...where } = range
    const asked = `${JSON.stringify(where)} with ${records.length} records`
    this.#same(asked, answer, await outcome(this.#model.apply(range)))
    const isAccepted = /^\d+$/.test(answer)
    this.#tally.add(isAccepted ? (answer === '0' ? 'nothing new' : 'applied') : answer)
    return isAccepted
  }

  #same(asked: string, answer: string, expected: string): void {
    if (answer !== expected) {
      throw new Error(`${asked}: Redis says ${answer}, the model ${expected}`)
    }
  }
}

/** One round from an empty database; returns the calls made. @throws Error where the two differ */
async function round(redis: RedisClient, seed: number, tally: Tally): Promise<number> {
  const random = Chance.ofCounted(seed)
  await redis.run('empty', (client) => client.flushdb())
  const logs = writeLogs(random, random.between(20, 300))
  const limits = {
    streamEventsMax: 100,
    windowEventsMax: 100_000,
    budget: random.pick([1, 3, 999]),
  }
  const model = memoryServingStore(settings)
  const pair = new Pair(redisServingStore(redis, { ...settings, ...limits }), model, tally)
  const owned = new Map<number, Owned>()
  const calls = random.between(20, 120)
  for (let call = 0; call < calls; call++) {
    const partition = random.pick(partitions)
    const kind = random.pick(kinds)
    const own = owned.get(partition)
    if (own === undefined || kind === 'takeOver') {
      owned.set(partition, await pair.takeOver(partition))
      continue
    }
    const range = { partition, ...rangeOf(random, kind, own, logs[partition] ?? []) }
    const isAccepted = await pair.apply(range)
    if (isAccepted) own.next = Math.max(own.next ?? 0, range.nextOffset)
  }
  assertSameContents(await redisContents(redis), model.contents(), settings.halfLifeMs)
  return calls
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      calls: { type: 'string', default: '20000' },
      seed: { type: 'string', default: '1' },
      redis: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help || values.redis === undefined || !/^\d+$/.test(values.calls + values.seed)) {
    process[values.help ? 'stdout' : 'stderr'].write(`${help}\n`)
    return values.help ? 0 : 2
  }
  const print = (line: string): void => {
    process.stdout.write(`${line}\n`)
  }
  const connected = await connectRedis({
    url: values.redis,
    clientName: 'differential',
    logger: createLogger('differential', 'silent'),
  })
  const tally = new Tally()
  const start = performance.now()
  let calls = 0
  let seed = Number(values.seed)
  try {
    for (; calls < Number(values.calls); seed++) {
      calls += await round(connected.value, seed, tally)
    }
  } catch (error) {
    print(`seed ${seed}:\n  ${messageOf(error)}`)
    return 1
  } finally {
    await connected.stop()
    const seconds = (performance.now() - start) / 1_000
    for (const [name, count] of [...tally.counts].toSorted()) print(`  ${name.padEnd(24)} ${count}`)
    print(`${calls} calls in ${seconds.toFixed(1)} s, ${(calls / seconds).toFixed(0)} a second`)
  }
  return 0
}

process.exitCode = await main()
