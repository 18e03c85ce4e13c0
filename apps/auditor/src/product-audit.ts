import type { StoreAudit } from '@faultline/audit/report'
import { auditServing, ServingExpectation } from '@faultline/audit/serving'
import { TopicFold } from '@faultline/audit/topic'
import { auditWarehouse, DigestTable } from '@faultline/audit/warehouse'
import { startClickhouse, type ClickhouseClient } from '@faultline/runtime/clickhouse'
import { connectKafka } from '@faultline/runtime/kafka'
import type { Scope } from '@faultline/runtime/lifecycle'
import type { Logger } from '@faultline/runtime/logging'
import { connectRedis, type RedisClient } from '@faultline/runtime/redis'
import { httpSchemaRegistry } from '@faultline/runtime/registry'
import type { AuditConfig } from './config.ts'

const clientName = 'faultline-auditor'
/** A batch of devices over the whole history; nobody waits for it. */
const requestTimeoutMs = 300_000

interface ProductParts {
  readonly scope: Scope
  readonly logger: Logger
  readonly onFatal: (error: unknown) => void
  readonly signal: AbortSignal
}

interface Pace {
  readonly pace?: () => Promise<void>
}

/** The topic, Redis and ClickHouse of one product, ready to be held against each other. */
export class ProductAudit {
  readonly fold: TopicFold
  readonly expectation: ServingExpectation
  readonly redis: RedisClient
  readonly #clickhouse: ClickhouseClient
  readonly #digests: DigestTable
  readonly #config: AuditConfig
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
    signal: AbortSignal,
  ) {
    this.#config = config
    this.fold = parts.fold
    this.expectation = parts.expectation
    this.redis = parts.redis
    this.#digests = parts.digests
    this.#clickhouse = parts.clickhouse
    this.#signal = signal
  }

  /** @throws FaultlineError BROKER_UNAVAILABLE */
  static async start(
    config: AuditConfig,
    { scope, logger, onFatal, signal }: ProductParts,
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
    const options = { connection, registry, topic, expectation, digests, onFatal, signal }
    const fold = await scope.start('topic', () => new TopicFold(options).start())
    expectation.isWhole = fold.isWhole()
    return new ProductAudit(config, { fold, expectation, digests, redis, clickhouse }, signal)
  }

  /** Devices with rows in the topic. */
  deviceIds(): readonly string[] {
    return [...this.#digests.devices().keys()]
  }

  /** @throws as auditServing */
  async auditRedis(pace: Pace = {}): Promise<StoreAudit> {
    const { fold, expectation, redis } = this
    const { windowEventsMax } = this.#config
    const advance = (offsets: ReadonlyMap<number, number>) => fold.advance(offsets)
    const signal = this.#signal
    return await auditServing({ redis, expectation, advance, windowEventsMax, signal, ...pace })
  }

  /** @throws FaultlineError WAREHOUSE_UNAVAILABLE */
  async auditClickhouse(
    only: Pace & { readonly devices?: readonly string[]; readonly since?: number } = {},
  ): Promise<StoreAudit> {
    return await auditWarehouse({
      clickhouse: this.#clickhouse,
      topic: this.#config.topic,
      digests: this.#digests,
      offsets: this.fold.offsets(),
      reread: (range) => this.fold.reread(range),
      signal: this.#signal,
      ...only,
    })
  }
}
