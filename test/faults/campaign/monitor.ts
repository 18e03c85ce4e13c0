import { readFileSync } from 'node:fs'
import { connectPostgres } from '@faultline/runtime/postgres'
import type { RedisClient } from '@faultline/runtime/redis'
import { parseMetrics, type Sample } from './metrics-text.ts'
import { pause } from './pause.ts'
import type { ProductUnderTest } from './product-under-test.ts'
import type { Violations } from './violations.ts'

const everyMs = 5_000
const bounds = {
  /** An application; about four times what it needs. */
  appBytes: 700_000_000,
  /** A JVM or ClickHouse; their heaps are set to at most 768 MB. */
  backEndBytes: 2_500_000_000,
  redisBytes: 500_000_000,
  walBytes: 1_000_000_000,
}

export interface ResourceMaxima {
  readonly rssBytes: Readonly<Record<string, number>>
  readonly redisBytes: number
  readonly walRetainedBytes: number
}

/** Identity of a process over its life: a pid is used again, but not with the same start. */
interface Seen {
  readonly name: string
  readonly pid: number
  readonly startTicks: string
}

/** Looks at every process of the stack every few seconds: memory, counters, and who it was, to find orphans afterwards. */
export class Monitor {
  readonly #product: ProductUnderTest
  readonly #redis: RedisClient
  readonly #violations: Violations
  readonly #signal: AbortSignal
  readonly #rss = new Map<string, number>()
  readonly #seen = new Map<string, Seen>()
  /** Counters add up over restarts: a value below the one before is of a new process. */
  readonly #lastValues = new Map<string, number>()
  readonly #sums = new Map<string, number>()
  readonly #gauges = new Map<string, number>()
  #redisBytes = 0
  #walBytes = 0

  constructor(options: {
    readonly product: ProductUnderTest
    readonly redis: RedisClient
    readonly violations: Violations
    readonly signal: AbortSignal
  }) {
    this.#product = options.product
    this.#redis = options.redis
    this.#violations = options.violations
    this.#signal = options.signal
  }

  async run(): Promise<void> {
    while (!this.#signal.aborted) {
      await this.look()
      await pause(everyMs, this.#signal)
    }
  }

  async look(): Promise<void> {
    const { ports } = this.#product
    await Promise.all([
      this.#processes(),
      this.scrape('enricher', ports.opsEnricher),
      this.scrape('redis-consumer', ports.opsRedisConsumer),
      this.scrape('clickhouse-sink', ports.opsClickhouseSink),
      this.#redisMemory(),
      this.#wal(),
    ])
  }

  get maxima(): ResourceMaxima {
    return {
      rssBytes: Object.fromEntries(this.#rss),
      redisBytes: this.#redisBytes,
      walRetainedBytes: this.#walBytes,
    }
  }

  /** A counter's growth over all processes seen, by its labels; what a kill took with it is missing. */
  sum(name: string): number {
    return [...this.#sums]
      .filter(([key]) => key.startsWith(`${name}{`))
      .reduce((sum, [, value]) => sum + value, 0)
  }

  /** How far a reader has come, summed over its partitions. */
  progress(app: string): number {
    return [...this.#gauges]
      .filter(([key]) => key.startsWith(`${app} faultline_next_offset`))
      .reduce((sum, [, value]) => sum + value, 0)
  }

  /** Processes of the stack that still live. */
  survivors(): readonly string[] {
    return [...this.#seen.values()]
      .filter(({ pid, startTicks }) => startTicksOf(pid) === startTicks)
      .map(({ name, pid }) => `${name} (${pid})`)
  }

  /** @param app also of an instance outside the stack, whose counters add to the same sums */
  async scrape(app: string, port: number): Promise<void> {
    let samples: readonly Sample[]
    try {
      const response = await fetch(`http://127.0.0.1:${port}/metrics`, {
        signal: AbortSignal.timeout(2_000),
      })
      samples = parseMetrics(await response.text())
    } catch {
      return
    }
    for (const { name, labels, value } of samples) {
      if (!name.startsWith('faultline_')) continue
      if (name === 'faultline_next_offset') this.#gauges.set(`${app} ${name}{${labels}}`, value)
      if (!name.endsWith('_total')) continue
      const key = `${name}{${labels}} ${port}`
      const before = this.#lastValues.get(key) ?? 0
      this.#lastValues.set(key, value)
      const grown = value >= before ? value - before : value
      this.#sums.set(key, (this.#sums.get(key) ?? 0) + grown)
    }
  }

  async #processes(): Promise<void> {
    const status = await this.#product.status()
    for (const { name, pid, kind } of status?.processes ?? []) {
      if (pid === null) continue
      const startTicks = startTicksOf(pid)
      if (startTicks !== undefined)
        this.#seen.set(`${pid}:${startTicks}`, { name, pid, startTicks })
      const rss = rssOf(pid)
      this.#rss.set(name, Math.max(rss, this.#rss.get(name) ?? 0))
      this.#violations.checked('I11')
      const bound = kind === 'app' ? bounds.appBytes : bounds.backEndBytes
      if (rss > bound) {
        this.#violations.add('I11', `${name} holds ${Math.round(rss / 1e6)} MB of memory`)
      }
    }
  }

  async #redisMemory(): Promise<void> {
    try {
      const text = await this.#redis.run('memory', (redis) => redis.info('memory'))
      const used = Number(/^used_memory:(\d+)/m.exec(text)?.[1] ?? 0)
      this.#redisBytes = Math.max(this.#redisBytes, used)
      this.#violations.checked('I11')
      if (used > bounds.redisBytes) {
        this.#violations.add('I11', `Redis holds ${Math.round(used / 1e6)} MB`)
      }
    } catch {
      // Away by a fault.
    }
  }

  async #wal(): Promise<void> {
    try {
      const postgres = await connectPostgres({
        databaseUrl: this.#product.addresses.databaseUrl,
        applicationName: 'campaign-monitor',
      })
      try {
        const [row] = await postgres.query<{ bytes: string | null }>(
          `select max(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)) as bytes from pg_replication_slots`,
        )
        const bytes = Number(row?.bytes ?? 0)
        this.#walBytes = Math.max(this.#walBytes, bytes)
        this.#violations.checked('I11')
        if (bytes > bounds.walBytes) {
          this.#violations.add('I11', `the slot holds back ${Math.round(bytes / 1e6)} MB of log`)
        }
      } finally {
        await postgres.close()
      }
    } catch {
      // Away by a fault.
    }
  }
}

function rssOf(pid: number): number {
  try {
    const kilobytes = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return Number(kilobytes ?? 0) * 1_024
  } catch {
    return 0
  }
}

function startTicksOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
  } catch {
    return undefined
  }
}
