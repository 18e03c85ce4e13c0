import { uncheckedAudit, type OnCompared, type StoreAudit } from '@faultline/audit/report'
import { auditServing, ServingExpectation } from '@faultline/audit/serving'
import { TopicFold } from '@faultline/audit/topic'
import { auditWarehouse, DigestTable, storedOffsets } from '@faultline/audit/warehouse'
import { startClickhouse, type ClickhouseClient } from '@faultline/runtime/clickhouse'
import type { Clock } from '@faultline/runtime/clock'
import { connectKafka } from '@faultline/runtime/kafka'
import type { Scope } from '@faultline/runtime/lifecycle'
import type { Logger } from '@faultline/runtime/logging'
import { connectRedis, type RedisClient } from '@faultline/runtime/redis'
import { httpSchemaRegistry } from '@faultline/runtime/registry'
import type { AuditConfig } from './config.ts'
import { whileAnswering } from './while-answering.ts'

const clientName = 'faultline-auditor'
/** A batch of devices over the whole history; nobody waits for it. */
const requestTimeoutMs = 300_000

interface ProductParts {
  readonly scope: Scope
  readonly logger: Logger
  readonly clock: Clock
  readonly onFatal: (error: unknown) => void
  readonly signal: AbortSignal
}

interface Watched {
  readonly pace?: () => Promise<void>
  readonly onCompared?: OnCompared
}

/** The topic, Redis and ClickHouse of one product, ready to be held against each other. */
export class ProductAudit {
  readonly fold: TopicFold
  readonly expectation: ServingExpectation
  readonly redis: RedisClient
  readonly #clickhouse: ClickhouseClient
  readonly #digests: DigestTable
  readonly #config: AuditConfig
  readonly #clock: Clock
  readonly #signal: AbortSignal

  private constructor(
    config: AuditConfig,
    parts: {
      readonly fold: TopicFold
      readonly expectation: ServingExpectation
      readonly digests: DigestTable
      readonly redis: RedisClient
      readonly clickhouse: ClickhouseClient
    },
    { clock, signal }: Pick<ProductParts, 'clock' | 'signal'>,
  ) {
    this.#config = config
    this.fold = parts.fold
    this.expectation = parts.expectation
    this.redis = parts.redis
    this.#digests = parts.digests
    this.#clickhouse = parts.clickhouse
    this.#clock = clock
    this.#signal = signal
  }

  /** @throws FaultlineError BROKER_UNAVAILABLE */
  static async start(
    config: AuditConfig,
    { scope, logger, clock, onFatal, signal }: ProductParts,
  ): Promise<ProductAudit> {
    const { brokers, topic, halfLifeMs, streamEventsMax } = config
    const redis = await scope.start('redis', () =>
      connectRedis({ url: config.redisUrl, clientName, logger }),
    )
    const clickhouse = await scope.start('clickhouse', () =>
      Promise.resolve(startClickhouse({ url: config.clickhouseUrl, clientName, requestTimeoutMs })),
    )
    const connection = await scope.start('kafka', () =>
      connectKafka({ brokers, clientId: clientName, logger }),
    )
    const registry = httpSchemaRegistry(config.registryUrl)
    const expectation = new ServingExpectation({ halfLifeMs, streamEventsMax })
    const digests = new DigestTable()
    const options = { connection, registry, topic, expectation, digests, onFatal, clock, signal }
    const fold = await scope.start('topic', () => new TopicFold(options).start())
    expectation.isWhole = fold.isWhole()
    const stores = { fold, expectation, digests, redis, clickhouse }
    return new ProductAudit(config, stores, { clock, signal })
  }

  /** Devices with rows in the topic. */
  deviceIds(): readonly string[] {
    return [...this.#digests.devices().keys()]
  }

  /** @throws as auditServing */
  async auditRedis(watched: Watched = {}): Promise<StoreAudit> {
    const { fold, expectation, redis } = this
    const { windowEventsMax } = this.#config
    const advance = (offsets: ReadonlyMap<number, number>) => fold.advance(offsets)
    const [clock, signal] = [this.#clock, this.#signal]
    const options = { redis, expectation, advance, windowEventsMax, clock, signal, ...watched }
    return this.#judged('Redis', await auditServing(options))
  }

  /**
   * Reads the topic as far as ClickHouse has come, where Redis cannot say how far: what it states later is beyond that.
   * @throws FaultlineError WAREHOUSE_UNAVAILABLE, BROKER_UNAVAILABLE
   */
  async advanceToClickhouse(): Promise<void> {
    const stored = await whileAnswering(this.#watched(), (clickhouse) =>
      storedOffsets(clickhouse, this.#config.topic),
    )
    const ends = await this.fold.ends()
    const reached = this.fold.offsets()
    const ahead = [...stored].map(([partition, next]) => {
      const end = Math.min(next, ends.get(partition) ?? 0)
      return [partition, Math.max(end, reached.get(partition)?.next ?? 0)] as const
    })
    await this.fold.advance(new Map(ahead))
  }

  /** @throws FaultlineError WAREHOUSE_UNAVAILABLE */
  async auditClickhouse(
    only: Watched & { readonly devices?: readonly string[]; readonly since?: number } = {},
  ): Promise<StoreAudit> {
    const audit = await whileAnswering(this.#watched(), (clickhouse, signal) =>
      auditWarehouse({
        clickhouse,
        topic: this.#config.topic,
        digests: this.#digests,
        offsets: this.fold.offsets(),
        reread: (range) => this.fold.reread(range),
        clock: this.#clock,
        signal,
        ...only,
      }),
    )
    return this.#judged('ClickHouse', audit)
  }

  #watched() {
    return { clickhouse: this.#clickhouse, clock: this.#clock, signal: this.#signal }
  }

  /** What a store lacks that did not begin where the topic does is no difference, and cannot be told from one. */
  #judged(store: string, audit: StoreAudit): StoreAudit {
    if (this.#config.isFromBeginning || audit.differenceCount === 0) return audit
    return uncheckedAudit(
      `STARTING_OFFSETS is not "earliest": ${store} need not hold what the topic held before it began, and differs from the whole topic in ${audit.differenceCount} places.`,
    )
  }
}
