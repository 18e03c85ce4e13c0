import { redisKeys } from '@faultline/contracts/redis-keys'
import type { RedisClient } from '@faultline/runtime/redis'
import type { Chance } from '../../support/chance.ts'
import type { FaultContext, FaultKind } from './kinds/index.ts'
import type { Monitor } from './monitor.ts'
import { pause } from './pause.ts'
import type { ProductUnderTest } from './product-under-test.ts'
import type { Prober } from './prober.ts'
import type { Violations } from './violations.ts'

export interface FaultRecord {
  readonly number: number
  readonly kind: string
  readonly at: string
  /** Injection to healing, seconds. */
  held: number
  /** Healing to the first row that was visible in the API within 2 s of its commit. */
  fresh: number | null
  /** Healing to that, every process running and ClickHouse going on. */
  recovered: number | null
  limit: number
  beside: readonly string[]
  notes: string[]
}

interface RunnerOptions {
  readonly context: Omit<FaultContext, 'note' | 'chance' | 'hit'>
  readonly chance: Chance
  readonly kinds: readonly FaultKind[]
  readonly product: ProductUnderTest
  readonly prober: Prober
  readonly monitor: Monitor
  readonly redis: RedisClient
  readonly violations: Violations
  readonly rows: () => number
  readonly print: (line: string) => void
  /** Multiplies every limit. */
  readonly patience: number
}

/** How fast Redis is filled again at the least, records a second. */
const refillPerSecond = 1_500
/** A way that nothing stalls may pause this long on a machine of two busy cores. */
const pauseMaxMs = 15_000
const overlapShare = 0.25
/** After a fault the API may still answer that it was away: connections made in the last moment. */
const afterMs = 3_000
const giveUpFactor = 4

/** Picks, injects and measures one fault after the other; now and then two of different kinds at once. */
export class FaultRunner {
  readonly #options: RunnerOptions
  readonly records: FaultRecord[] = []
  readonly #active = new Set<FaultKind>()
  readonly #points = new Map<string, number>()
  #deck: FaultKind[] = []
  #apiMayFailUntil = 0
  #lastFault = 'none'
  /** A fault did not heal: nothing after it would mean anything. */
  isStuck = false

  constructor(options: RunnerOptions) {
    this.#options = options
  }

  get description(): string {
    const active = [...this.#active].map(({ name }) => name).join(' + ')
    return active === '' ? `after ${this.#lastFault}` : active
  }

  /** How often each crash point was reached. */
  get crashPoints(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#points].sort())
  }

  apiMayFail(): boolean {
    const isUnderWay = [...this.#active].some(({ apiMayFail }) => apiMayFail === true)
    return isUnderWay || performance.now() < this.#apiMayFailUntil
  }

  redisMayGoBack(): boolean {
    return [...this.#active].some(({ emptiesRedis }) => emptiesRedis === true)
  }

  /** One fault, or two that overlap, until all is well again. */
  async next(): Promise<void> {
    const { chance } = this.#options
    const first = this.#draw(() => true)
    if (first === undefined) return
    const second =
      first.isAlone !== true && chance.isTrue(overlapShare)
        ? this.#draw(
            ({ isAlone, touches }) =>
              isAlone !== true && !touches.some((name) => first.touches.includes(name)),
          )
        : undefined
    if (second === undefined) await this.run(first, [])
    else {
      const delayMs = chance.between(0, 3_000)
      const later = chance.fork()
      await Promise.all([
        this.run(first, [second]),
        pause(delayMs, this.#options.context.signal).then(() => this.run(second, [first], later)),
      ])
    }
    await pause(chance.between(500, 2_000), this.#options.context.signal)
  }

  /** Every kind once in an order of chance, then by weight. */
  #draw(fits: (kind: FaultKind) => boolean): FaultKind | undefined {
    const { chance, kinds } = this.#options
    if (this.records.length === 0 && this.#deck.length === 0) this.#deck = chance.shuffled(kinds)
    const at = this.#deck.findIndex(fits)
    if (at >= 0) return this.#deck.splice(at, 1)[0]
    const fitting = kinds.filter(fits)
    return fitting.length === 0 ? undefined : chance.pickWeighted(fitting)
  }

  async run(
    kind: FaultKind,
    beside: readonly FaultKind[],
    chance = this.#options.chance.fork(),
  ): Promise<void> {
    const { context, violations, print } = this.#options
    const record: FaultRecord = {
      number: this.records.length + 1,
      kind: kind.name,
      at: new Date().toISOString(),
      held: 0,
      fresh: null,
      recovered: null,
      limit: Math.max(this.#limit(kind), ...beside.map((other) => this.#limit(other))),
      beside: beside.map(({ name }) => name),
      notes: [],
    }
    this.records.push(record)
    this.#active.add(kind)
    const redisBefore = kind.emptiesRedis === true ? await this.#redisProgress() : new Map()
    const started = performance.now()
    const liveness = this.#watchProgress(kind)
    try {
      await kind.inject({
        ...context,
        chance,
        note: (text) => void record.notes.push(text),
        hit: (point) => {
          this.#points.set(point, (this.#points.get(point) ?? 0) + 1)
        },
      })
    } catch (error) {
      if (!context.signal.aborted) {
        violations.add('I12', `${kind.name} could not be injected or healed: ${String(error)}`)
      }
    }
    const healed = performance.now()
    record.held = seconds(healed - started)
    await this.#untilRecovered(record, healed, redisBefore)
    liveness.stop()
    this.#active.delete(kind)
    this.#lastFault = kind.name
    if (kind.apiMayFail === true) this.#apiMayFailUntil = performance.now() + afterMs
    print(
      `#${record.number} ${kind.name}: held ${record.held} s, fresh after ${record.fresh ?? '-'} s, ` +
        `recovered after ${record.recovered ?? '-'} s of ${record.limit}${beside.length > 0 ? `, beside ${record.beside.join()}` : ''}`,
    )
  }

  #limit({ emptiesRedis, limitSeconds }: FaultKind): number {
    const refill = emptiesRedis === true ? Math.ceil(this.#options.rows() / refillPerSecond) : 0
    return (limitSeconds + refill) * this.#options.patience
  }

  async #untilRecovered(
    record: FaultRecord,
    healed: number,
    redisBefore: ReadonlyMap<string, number>,
  ): Promise<void> {
    const { prober, violations, context, monitor, product } = this.#options
    const storedBefore = monitor.progress('clickhouse-sink')
    const giveUpAt = healed + record.limit * giveUpFactor * 1_000
    const missing = { fresh: true, running: true, stored: true, refilled: redisBefore.size > 0 }
    while (!context.signal.aborted) {
      const freshAt = prober.freshSince(healed)
      if (freshAt !== undefined && missing.fresh) {
        missing.fresh = false
        record.fresh = seconds(freshAt - healed)
      }
      missing.running = !(await this.#isAllRunning())
      if (missing.stored) {
        await monitor.scrape('clickhouse-sink', product.ports.opsClickhouseSink)
        missing.stored = monitor.progress('clickhouse-sink') <= storedBefore
      }
      if (missing.refilled) missing.refilled = !(await this.#isRefilled(redisBefore))
      if (!Object.values(missing).includes(true)) break
      if (performance.now() > giveUpAt) {
        this.isStuck = true
        break
      }
      await pause(250, context.signal)
    }
    if (context.signal.aborted) return
    const took = seconds(performance.now() - healed)
    violations.checked('I12')
    if (!this.isStuck) record.recovered = took
    if (took > record.limit) {
      const lacking = Object.entries(missing).flatMap(([what, lacks]) => (lacks ? [what] : []))
      violations.add(
        'I12',
        `#${record.number} ${record.kind}: ${this.isStuck ? `not recovered (${lacking.join()})` : 'recovered'} ` +
          `after ${took} s, the limit is ${record.limit} s`,
      )
    }
  }

  async #isAllRunning(): Promise<boolean> {
    const status = await this.#options.product.status()
    return status?.processes.every(({ state }) => state === 'running') ?? false
  }

  async #redisProgress(): Promise<Map<string, number>> {
    const { redis } = this.#options
    try {
      const progress = await redis.run('progress', (client) => client.hgetall(redisKeys.progress))
      return new Map(
        Object.entries(progress)
          .filter(([field]) => /^\d+$/.test(field))
          .map(([field, value]) => [field, Number(value)]),
      )
    } catch {
      return new Map()
    }
  }

  async #isRefilled(before: ReadonlyMap<string, number>): Promise<boolean> {
    const now = await this.#redisProgress()
    return [...before].every(([partition, next]) => (now.get(partition) ?? 0) >= next)
  }

  /** Invariant I12: what no fault under way touches goes on. */
  #watchProgress(kind: FaultKind): { stop(): void } {
    const { prober, monitor, violations, patience } = this.#options
    const limitMs = pauseMaxMs * patience
    const now = performance.now()
    const last = { api: { value: 0, at: now }, clickhouse: { value: 0, at: now } }
    const look = (): void => {
      const stalled = new Set([...this.#active].flatMap(({ stalls }) => stalls))
      const values = { api: prober.visibleUpTo, clickhouse: monitor.progress('clickhouse-sink') }
      for (const way of ['api', 'clickhouse'] as const) {
        const moment = performance.now()
        if (values[way] > last[way].value || stalled.has(way)) {
          last[way] = { value: values[way], at: moment }
        }
        if (moment - last[way].at < limitMs) continue
        violations.add('I12', `${kind.name}: nothing reached ${way} for ${limitMs / 1_000} s`)
        last[way].at = Infinity
      }
    }
    const timer = setInterval(look, 500)
    return {
      stop: () => {
        clearInterval(timer)
      },
    }
  }
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10
}
