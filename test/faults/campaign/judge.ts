import type { EnrichedMeasurement } from '@faultline/contracts/enriched-measurement'
import { redisKeys } from '@faultline/contracts/redis-keys'
import { topics } from '@faultline/contracts/topics'
import type { KafkaConnection } from '@faultline/runtime/kafka'
import { connectPostgres } from '@faultline/runtime/postgres'
import type { RedisClient } from '@faultline/runtime/redis'
import type { Decode } from '@faultline/runtime/registry'
import type { TestConnection } from '../../support/connection.ts'
import { redisContents } from '../../support/redis-contents.ts'
import { assertSameContents } from '../../support/serving-contents.ts'
import { Accounts } from './accounts.ts'
import { EnrichedFold, type PartitionTotals } from './enriched-fold.ts'
import type { Ledger } from './ledger.ts'
import { pause } from './pause.ts'
import { TopicTail } from './topic-tail.ts'
import type { Invariant, Violations } from './violations.ts'

const halfLifeMs = 3_600_000
const rollUps = ['1min', '1hour', '1day'] as const

interface JudgeOptions {
  readonly connection: TestConnection
  readonly kafka: KafkaConnection
  readonly decode: Decode
  readonly redis: RedisClient
  readonly ledger: Ledger
  readonly violations: Violations
  readonly follower: Follower
  /** Devices that report and are not registered; devices that were deleted for good. */
  readonly unregistered: () => readonly string[]
}

/** A reader of the enriched topic with what it made of it. */
export interface Follower {
  readonly tail: TopicTail
  readonly fold: EnrichedFold
}

export function follow(
  kafka: KafkaConnection,
  decode: Decode,
  options: { readonly ledger: Ledger; readonly violations: Violations },
): Follower {
  const fold = new EnrichedFold(options.ledger, options.violations)
  const tail = new TopicTail(kafka, topics.enrichedMeasurements, async (partition, records) => {
    const decoded = await Promise.all(
      records.map(async ({ value }) =>
        value === null ? null : ((await decode(value)) as EnrichedMeasurement),
      ),
    )
    records.forEach((record, at) => {
      fold.add(partition, record, decoded[at] ?? null)
    })
  })
  return { tail, fold }
}

/**
 * Holds all stores to the promise at a moment of rest: every row that was committed is enriched, waiting or refused, once; Redis
 * and ClickHouse hold exactly what the topic holds.
 */
export class Judge {
  readonly #options: JudgeOptions
  readonly #accounts: Accounts
  verdicts = 0

  constructor(options: JudgeOptions) {
    this.#options = options
    this.#accounts = new Accounts(options.kafka, options.decode, options.violations)
  }

  get deadLetters(): number {
    return this.#accounts.dead.size
  }

  get waiting(): number {
    return this.#accounts.waiting.size
  }

  async start(): Promise<void> {
    await this.#accounts.start()
  }

  async stop(): Promise<void> {
    await this.#accounts.stop()
  }

  /** With nothing being written. @throws Error where a store cannot be read */
  async judge(limitMs: number): Promise<void> {
    const { follower } = this.#options
    await this.#soon('I1', limitMs, () => this.#postgresProblem())
    await this.#untilArrived(limitMs)
    await this.#accounted(limitMs)
    await this.#clickhouse(follower.fold, limitMs)
    await this.#redis(follower.fold, limitMs)
    this.verdicts += 1
  }

  /** Reads the topic once more from its beginning: what the follower saw during the faults has to be exactly that. */
  async judgeFromScratch(limitMs: number): Promise<void> {
    const { kafka, decode, ledger, violations, follower } = this.#options
    await follower.tail.untilCaughtUp(limitMs)
    const fresh = follow(kafka, decode, { ledger, violations })
    await fresh.tail.catchUp(limitMs)
    for (const partition of new Set([
      ...fresh.fold.partitions.keys(),
      ...follower.fold.partitions.keys(),
    ])) {
      violations.checked('I4')
      if (fresh.fold.digest(partition) === follower.fold.digest(partition)) continue
      const ends = [follower, fresh].map(({ fold }) => fold.lastOffset(partition)).join(' and ')
      violations.add(
        'I4',
        `partition ${partition}: the reader during the faults saw another sequence (ends ${ends}, ` +
          `records ${follower.fold.records} and ${fresh.fold.records})`,
      )
    }
    await this.#redis(fresh.fold, limitMs)
    this.verdicts += 1
  }

  async #postgresProblem(): Promise<string | undefined> {
    const { connection, ledger, violations } = this.#options
    const postgres = await connectPostgres({
      databaseUrl: connection.databaseUrl,
      applicationName: 'campaign-judge',
    })
    try {
      const [row] = await postgres.query<{ rows: string; sum: string; squares: string }>(
        `select count(*) as rows, coalesce(sum(id), 0) as sum, coalesce(sum(id::numeric * id), 0) as squares
         from raw_measurements`,
      )
      const { rows, sum, squares } = ledger.digest()
      violations.checked('I1', rows)
      const same =
        Number(row?.rows) === rows &&
        BigInt(row?.sum ?? 0) === sum &&
        BigInt(row?.squares ?? 0) === squares
      return same ? undefined : `PostgreSQL holds ${row?.rows ?? '?'} rows, ${rows} were committed`
    } finally {
      await postgres.close()
    }
  }

  /** Where a row is not that should have been enriched; undefined when all are. */
  #missing(): readonly number[] {
    const { ledger, follower } = this.#options
    const unregistered = new Set(this.#options.unregistered())
    const missing: number[] = []
    for (const id of ledger.ids()) {
      const kind = ledger.kindOf(id)
      const isBad = kind === 'clock' || kind === 'too-many'
      if (!isBad && !follower.fold.has(id) && !unregistered.has(ledger.deviceOf(id)))
        missing.push(id)
    }
    return missing
  }

  async #untilArrived(limitMs: number): Promise<void> {
    const { violations, ledger, follower } = this.#options
    const deadline = performance.now() + limitMs
    let missing = this.#missing()
    while (missing.length > 0 && performance.now() < deadline) {
      await pause(300)
      missing = this.#missing()
    }
    await follower.tail.untilCaughtUp(limitMs)
    missing = this.#missing()
    if (missing.length === 0) return
    const some = missing.slice(0, 10).map((id) => `${id} of ${ledger.deviceOf(id)}`)
    violations.add(
      'I1',
      `${missing.length} rows are not enriched after ${limitMs / 1_000} s: ${some.join(', ')}`,
    )
  }

  /** Each row in exactly one place, and in the one where it belongs. */
  async #accounted(limitMs: number): Promise<void> {
    const { ledger, follower, violations } = this.#options
    // The last dead letters and waiting rows are committed with the last batch; ask until they are complete or it is too late.
    const deadline = performance.now() + 20_000
    let problems = await this.#misplaced(limitMs)
    while (problems.length > 0 && performance.now() < deadline) {
      await pause(1_000)
      problems = await this.#misplaced(limitMs)
    }
    for (const { invariant, message } of problems) violations.add(invariant, message)
    violations.checked('I1', ledger.rows)
    violations.checked('I2', follower.fold.events)
  }

  async #misplaced(limitMs: number): Promise<readonly { invariant: Invariant; message: string }[]> {
    const { ledger, follower } = this.#options
    await this.#accounts.untilCaughtUp(limitMs)
    const { dead, waiting } = this.#accounts
    const problems: { invariant: Invariant; message: string }[] = []
    for (const id of ledger.ids()) {
      const places = [
        ...(follower.fold.has(id) ? ['enriched'] : []),
        ...(dead.has(id) ? ['a dead letter'] : []),
        ...(waiting.has(id) ? ['waiting'] : []),
      ]
      const row = `row ${id} of ${ledger.deviceOf(id)}`
      if (places.length === 0) problems.push({ invariant: 'I1', message: `${row} is nowhere` })
      if (places.length > 1)
        problems.push({ invariant: 'I2', message: `${row} is ${places.join(' and ')}` })
      const wanted = reasonFor(ledger.kindOf(id))
      if (places.length === 1 && dead.get(id) !== wanted) {
        problems.push({
          invariant: 'I1',
          message: `${row} (${ledger.kindOf(id)}) is ${places.join()} ${dead.get(id) ?? ''}`,
        })
      }
    }
    return problems
  }

  async #clickhouse(fold: EnrichedFold, limitMs: number): Promise<void> {
    const { violations } = this.#options
    await this.#soon('I8', limitMs, async () => {
      const problem = clickhouseProblem(fold, await this.#ask(rowsSql))
      if (problem !== undefined) return problem
      const readings = sumOf(fold, 'readings')
      const readingSum = sumOf(fold, 'readingSum')
      for (const rollUp of rollUps) {
        const [row] = await this.#ask(rollUpSql(rollUp))
        if (Number(row?.['n']) !== readings || Number(row?.['s']) !== readingSum) {
          return `the roll-up by ${rollUp} holds ${String(row?.['n'])} readings (sum ${String(row?.['s'])}) of ${readings} (sum ${readingSum})`
        }
      }
      return undefined
    })
    violations.checked('I8', fold.records)
  }

  async #redis(fold: EnrichedFold, limitMs: number): Promise<void> {
    const { redis, violations } = this.#options
    await this.#soon('I7', limitMs, async () => {
      const progress = await redis.run('progress', (client) => client.hgetall(redisKeys.progress))
      for (const partition of fold.partitions.keys()) {
        if (Number(progress[String(partition)] ?? 0) <= fold.lastOffset(partition)) {
          return `Redis has applied ${progress[String(partition)] ?? 'nothing'} of partition ${partition}, which ends at ${fold.lastOffset(partition)}`
        }
      }
      try {
        assertSameContents(await redisContents(redis), fold.recount.contents(), halfLifeMs)
        return undefined
      } catch (error) {
        return (error as Error).message
      }
    })
    violations.checked('I7', fold.records)
  }

  /** Asks until nothing is wrong any more, or it is too late. */
  async #soon(
    invariant: Invariant,
    limitMs: number,
    look: () => Promise<string | undefined>,
  ): Promise<void> {
    const deadline = performance.now() + limitMs
    for (;;) {
      const problem = await look().catch((error: unknown) => String(error))
      if (problem === undefined) return
      if (performance.now() > deadline) {
        this.#options.violations.add(invariant, problem)
        return
      }
      await pause(1_000)
    }
  }

  async #ask(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const response = await fetch(this.#options.connection.clickhouseUrl, {
      method: 'POST',
      body: `${sql} FORMAT JSONEachRow`,
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`ClickHouse refused "${sql}": ${text}`)
    const lines = text.split('\n').filter((line) => line !== '')
    return lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
  }
}

const rowsSql = `SELECT topic_partition AS p, count() AS records, uniqExact(topic_offset) AS offsets,
  sum(topic_offset) AS offset_sum, sum(event_id) AS id_sum,
  sum(length(arrayFilter(x -> isFinite(x), readings))) AS n,
  sum(arraySum(arrayMap(x -> if(isFinite(x), toFloat64(x), 0), readings))) AS s
  FROM app.enriched_measurements GROUP BY topic_partition`

const isNumber = 'x -> isFinite(x)'
const orNothing = 'x -> if(isFinite(x), toFloat64(x), 0)'

// What is stored, frames and states: the views would work out every quantile as well.
const rollUpSql = (level: string): string =>
  level === '1min'
    ? `SELECT sum(arraySum(frame -> length(arrayFilter(${isNumber}, frame)), frames)) AS n,
     sum(arraySum(frame -> arraySum(arrayMap(${orNothing}, frame)), frames)) AS s
     FROM app.measurements_1min WHERE device_id != ''`
    : `SELECT sum(arraySum(c)) AS n, sum(arraySum(s)) AS s FROM (
     SELECT countIfForEachMerge(count) AS c, sumIfForEachMerge(sum) AS s
     FROM app.measurements_${level} WHERE device_id != '' GROUP BY device_id, bucket)`

function clickhouseProblem(
  fold: EnrichedFold,
  rows: readonly Readonly<Record<string, unknown>>[],
): string | undefined {
  const byPartition = new Map(rows.map((row) => [Number(row['p']), row]))
  for (const [partition, wanted] of fold.partitions) {
    if (wanted.records === 0) continue
    const row = byPartition.get(partition)
    const facts = [
      ['records', wanted.records],
      ['offsets', wanted.records],
      ['offset_sum', wanted.offsetSum],
      ['id_sum', wanted.idSum],
      ['n', wanted.readings],
      ['s', wanted.readingSum],
    ] as const
    for (const [name, value] of facts) {
      if (Number(row?.[name] ?? 0) === value) continue
      return `ClickHouse holds ${name} ${String(row?.[name])} of partition ${partition}, the topic ${value}`
    }
  }
  return undefined
}

function sumOf(fold: EnrichedFold, field: keyof PartitionTotals): number {
  return [...fold.partitions.values()].reduce((sum, totals) => sum + totals[field], 0)
}

/** Why a row of this kind is a dead letter; undefined: it is none. */
function reasonFor(kind: string): string | undefined {
  if (kind === 'clock') return 'CLOCK_INVALID'
  return kind === 'too-many' ? 'ROW_INVALID' : undefined
}
