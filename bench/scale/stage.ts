import { environment as names } from '@faultline/contracts/environment'
import { redisKeys } from '@faultline/contracts/redis-keys'
import { consumerGroups, topics, topicSpecs } from '@faultline/contracts/topics'
import { connectKafka, type KafkaConnection } from '@faultline/runtime/kafka'
import { ensureTopics } from '@faultline/runtime/kafka-admin'
import { Scope } from '@faultline/runtime/lifecycle'
import { createLogger } from '@faultline/runtime/logging'
import { connectRedis, type RedisClient } from '@faultline/runtime/redis'
import { httpSchemaRegistry } from '@faultline/runtime/registry'
import { eventually } from '../../test/support/eventually.ts'
import { descendant } from '../end-to-end/processor-time.ts'
import type { Environment } from '../back-ends.ts'
import { Application } from './application.ts'
import { createCapture, partitions, type Capture, type Captured, type FleetSize } from './fleet.ts'

const recordsPerRequest = 3_000
const feedEveryMs = 20

/** A fleet's catalog and raw measurements, in topics of their own. */
export interface Source {
  readonly capture: Capture
  readonly catalog: string
  readonly raw: string
}

/** The embedded back ends as the parts of the bench use them: topics are filled, applications started, progress is forgotten. */
export class Stage {
  readonly env: Environment
  readonly kafka: KafkaConnection
  readonly redis: RedisClient
  readonly pids: { readonly broker: number; readonly redis: number }
  readonly #capture: Awaited<ReturnType<typeof createCapture>>
  #producer: ReturnType<KafkaConnection['kafka']['producer']> | undefined
  readonly #models = new Set<number>()
  #topicsMade = 0

  private constructor(parts: {
    readonly env: Environment
    readonly kafka: KafkaConnection
    readonly redis: RedisClient
    readonly pids: Stage['pids']
    readonly capture: Awaited<ReturnType<typeof createCapture>>
  }) {
    this.env = parts.env
    this.kafka = parts.kafka
    this.redis = parts.redis
    this.pids = parts.pids
    this.#capture = parts.capture
  }

  static async use(env: Environment, seed: number, work: (stage: Stage) => Promise<void>) {
    const scope = new Scope()
    const logger = createLogger('bench', 'silent')
    try {
      const kafka = await scope.start('kafka', () =>
        connectKafka({ brokers: brokersOf(env), clientId: 'bench', logger }),
      )
      const url = env[names.redisUrl] ?? ''
      const redis = await scope.start('redis', () =>
        connectRedis({ url, clientName: 'bench', logger }),
      )
      const info = await redis.run('its process', (client) => client.info('server'))
      const pids = {
        broker: await descendant(process.pid, 'kafka.Kafka'),
        redis: Number(/process_id:(\d+)/.exec(info)?.[1]),
      }
      const registry = httpSchemaRegistry(env[names.schemaRegistryUrl] ?? '')
      const capture = await createCapture(registry, seed)
      const stage = new Stage({ env, kafka, redis, pids, capture })
      scope.defer('producer', () => stage.#disconnect())
      await work(stage)
    } finally {
      await scope.stop()
    }
  }

  /** A fleet with its devices registered and no measurement yet. */
  async source(size: FleetSize): Promise<Source> {
    const capture = this.#capture(size)
    const catalog = await this.topic('catalog', 1)
    if (!this.#models.has(size.channels)) {
      await this.#send(topics.deviceModels, 1, () => capture.model())
      this.#models.add(size.channels)
    }
    await this.#send(catalog, size.devices, (n) => capture.device(n))
    return { capture, catalog, raw: await this.topic('raw') }
  }

  /** Writes the measurements from the nth on to a source's raw topic, as fast as it goes. */
  async write({ raw, capture }: Source, records: number, from = 0): Promise<void> {
    await this.#send(raw, records, (n) => capture.measurement(from + n))
  }

  /** The same at a steady rate. */
  async feed({ raw, capture }: Source, records: number, perSecond: number): Promise<void> {
    const started = performance.now()
    for (let sent = 0; sent < records;) {
      const due = Math.min(records, Math.floor(((performance.now() - started) / 1_000) * perSecond))
      await this.#send(raw, due - sent, (n) => capture.measurement(sent + n))
      sent = due
      await new Promise((resolve) => setTimeout(resolve, feedEveryMs))
    }
  }

  async topic(name: string, count = partitions): Promise<string> {
    this.#topicsMade += 1
    const made = `bench_${name}_${this.#topicsMade}`
    await this.#ensure({ name: made, partitions: count, config: {} })
    return made
  }

  /** Returns when they are gone for whoever asks. */
  async deleteTopics(...made: readonly string[]): Promise<void> {
    const { admin } = this.kafka
    // A producer asks for ever for the topics it has written to, and fails where one is gone.
    await this.#disconnect()
    await admin.deleteTopics({ topics: [...made] })
    await eventually(async () => {
      const left = await admin.listTopics()
      if (made.some((topic) => left.includes(topic))) throw new Error('a topic is still there')
    })
  }

  start(
    program: string,
    settings: Environment = {},
    options?: ConstructorParameters<typeof Application>[2],
  ) {
    return new Application(program, { ...this.env, ...settings }, options)
  }

  /** The settings with which an application works on a source. */
  settings({ catalog, raw }: Source, enriched: string): Environment {
    return {
      [names.topicCatalog]: catalog,
      [names.topicMeasurements]: raw,
      [names.enrichTopic]: enriched,
      [names.startingOffsets]: 'earliest',
    }
  }

  /** The enricher begins anew: no state, no progress. None may be running. */
  async forgetEnricher(): Promise<void> {
    await this.kafka.admin.deleteGroups([consumerGroups.enricher]).catch(() => undefined)
    await this.forgetState()
  }

  async forgetState(): Promise<void> {
    await this.deleteTopics(topics.enricherState)
    const spec = topicSpecs(partitions).find(({ name }) => name === topics.enricherState)
    if (spec !== undefined) await this.#ensure(spec)
  }

  async forgetRedis(): Promise<void> {
    await this.kafka.admin.deleteGroups([consumerGroups.redisConsumer]).catch(() => undefined)
    await this.redis.run('forgetting', (client) => client.flushall())
  }

  /** Records of a raw topic that the enricher has committed. */
  async enriched(raw: string): Promise<number> {
    const { admin } = this.kafka
    const [found] = await admin.fetchOffsets({ groupId: consumerGroups.enricher, topics: [raw] })
    const offsets = found?.partitions.map(({ offset }) => Math.max(0, Number(offset))) ?? []
    return offsets.reduce((sum, offset) => sum + offset, 0)
  }

  /** Measurements that Redis holds the effect of. */
  async served(): Promise<number> {
    const events = await this.redis.run('progress', (client) =>
      client.hget(redisKeys.fleetSummary('hvac'), 'events'),
    )
    return Number(events ?? 0)
  }

  /** Records written to a topic so far; markers of transactions count. */
  async written(topic: string): Promise<number> {
    const ends = await this.kafka.admin.fetchTopicOffsets(topic)
    return ends.reduce((sum, { high }) => sum + Number(high), 0)
  }

  async #ensure(spec: Parameters<typeof ensureTopics>[1][number]): Promise<void> {
    // On a busy machine a topic that was just made is unknown for a moment, which the admin takes for a failure.
    await eventually(() => ensureTopics(brokersOf(this.env), [spec]))
  }

  async #send(topic: string, records: number, record: (n: number) => Captured): Promise<void> {
    if (this.#producer === undefined) {
      this.#producer = this.kafka.kafka.producer()
      await this.#producer.connect()
    }
    for (let start = 0; start < records; start += recordsPerRequest) {
      const count = Math.min(recordsPerRequest, records - start)
      const messages = Array.from({ length: count }, (_, n) => record(start + n))
      await this.#producer.send({ topic, messages })
    }
  }

  async #disconnect(): Promise<void> {
    await this.#producer?.disconnect()
    this.#producer = undefined
  }
}

function brokersOf(env: Environment): string[] {
  return (env[names.kafkaBootstrap] ?? '').split(',')
}
