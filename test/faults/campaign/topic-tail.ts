import type { KafkaConnection } from '@faultline/runtime/kafka'
import { pause } from './pause.ts'

export interface TailRecord {
  readonly offset: number
  readonly key: Buffer | null
  readonly value: Buffer | null
}

type KafkaConsumer = ReturnType<KafkaConnection['kafka']['consumer']>

/** A batch may be handed over again where this fails: it has to take effect as a whole or not at all. */
export type OnRecords = (partition: number, records: readonly TailRecord[]) => Promise<void>

/**
 * Reads a topic, read_committed, as the only member of a private group that commits nothing. Its positions are its own, so a
 * broker that goes away and a group that is formed anew cost nothing and repeat nothing.
 */
export class TopicTail {
  readonly #kafka: KafkaConnection
  readonly #topic: string
  readonly #onRecords: OnRecords
  readonly #next = new Map<number, number>()
  #consumer: KafkaConsumer | undefined
  #isStopped = true
  #sequence = 0
  /** How often the consumer had to be made anew. */
  restarts = 0

  constructor(kafka: KafkaConnection, topic: string, onRecords: OnRecords) {
    this.#kafka = kafka
    this.#topic = topic
    this.#onRecords = onRecords
  }

  /** Next offset to read, by partition. */
  get positions(): ReadonlyMap<number, number> {
    return this.#next
  }

  async start(): Promise<void> {
    this.#isStopped = false
    const { kafka } = this.#kafka
    this.#sequence += 1
    const consumer = kafka.consumer({
      groupId: `campaign-${this.#topic}-${process.pid}-${Date.now()}-${this.#sequence}`,
      readUncommitted: false,
      maxWaitTimeInMs: 100,
      maxBytesPerPartition: 2_097_152,
      allowAutoTopicCreation: false,
      sessionTimeout: 10_000,
    })
    this.#consumer = consumer
    const topic = this.#topic
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      for (const partition of payload.memberAssignment[topic] ?? []) {
        consumer.seek({ topic, partition, offset: String(this.#next.get(partition) ?? 0) })
      }
    })
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
      this.#passed(payload.partition, Number(payload.lastOffset) + 1)
    })
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (!payload.restart) void this.#startAnew(consumer)
    })
    try {
      await consumer.connect()
      await consumer.subscribe({ topic, fromBeginning: true })
      await consumer.run({
        autoCommit: false,
        eachBatch: async ({ batch }) => {
          const from = this.#next.get(batch.partition) ?? 0
          const records = batch.messages
            .map(({ offset, key, value }) => ({ offset: Number(offset), key, value }))
            .filter(({ offset }) => offset >= from)
          await this.#onRecords(batch.partition, records)
          const last = records.at(-1)
          if (last !== undefined) this.#passed(batch.partition, last.offset + 1)
        },
      })
    } catch {
      void this.#startAnew(consumer)
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#consumer?.disconnect().catch(() => undefined)
  }

  /** Resolves when everything that the topic holds now has been handed over. */
  async untilCaughtUp(limitMs: number): Promise<void> {
    const deadline = performance.now() + limitMs
    let ends: readonly { partition: number; high: string }[] = []
    while (ends.length === 0) {
      ends = await this.#kafka.admin.fetchTopicOffsets(this.#topic).catch(() => [])
      if (ends.length === 0) await pause(200)
    }
    const behind = () =>
      ends.filter(({ partition, high }) => (this.#next.get(partition) ?? 0) < Number(high))
    while (behind().length > 0) {
      if (performance.now() > deadline) {
        throw new Error(`${this.#topic}: not read to its end within ${limitMs / 1_000} s`)
      }
      await pause(50)
    }
  }

  /** Starts, reads to the present end, stops; the next call goes on from there. */
  async catchUp(limitMs: number): Promise<void> {
    await this.start()
    try {
      await this.untilCaughtUp(limitMs)
    } finally {
      await this.stop()
    }
  }

  /** Asked, because it may change while something is awaited. */
  #stopped(): boolean {
    return this.#isStopped
  }

  #passed(partition: number, next: number): void {
    if (next > (this.#next.get(partition) ?? 0)) this.#next.set(partition, next)
  }

  async #startAnew(failed: KafkaConsumer): Promise<void> {
    if (this.#isStopped || failed !== this.#consumer) return
    this.#consumer = undefined
    this.restarts += 1
    await failed.disconnect().catch(() => undefined)
    await pause(500)
    if (!this.#stopped()) await this.start()
  }
}
