import type { kafkajsTransactionalProducers } from '@faultline/runtime/kafka'
import { ConnectionError, type Network, type Reply } from '../network.ts'
import { offsetKey, type SimBroker } from '../model/sim-broker.ts'
import { BrokerError, type PartitionLog, type Producer } from '../model/partition-log.ts'
import type { SimProcess } from '../sim-process.ts'

type Kafka = Parameters<typeof kafkajsTransactionalProducers>[0]

export interface ClientParts {
  readonly process: SimProcess
  readonly network: Network
  readonly broker: SimBroker
}

interface TopicMessages {
  readonly topic: string
  readonly messages: readonly {
    readonly key: Buffer | null
    readonly value: Buffer | null
    readonly partition: number
  }[]
}

interface Offsets {
  readonly consumerGroupId: string
  readonly topics: readonly {
    readonly topic: string
    readonly partitions: readonly { readonly partition: number; readonly offset: string }[]
  }[]
}

type State = 'uninitialized' | 'ready' | 'transacting' | 'committing' | 'aborting'

const legal: Readonly<Record<State, readonly State[]>> = {
  uninitialized: ['ready'],
  ready: ['ready', 'transacting'],
  transacting: ['committing', 'aborting'],
  committing: ['ready'],
  aborting: ['ready'],
}

/** Tries after the first, of a send. */
const retriesMax = 5

/**
 * What the adapter in packages/runtime uses of kafkajs' producer, with the states of its eosManager: InitProducerId with the first
 * transaction, a send retried under its sequence number, an EndTxn never retried, and no way out of a commit that failed.
 */
export function simKafka(parts: ClientParts): Kafka {
  const kafka = {
    producer: ({ transactionalId }: { transactionalId: string }) =>
      new SimProducer(parts, transactionalId),
  }
  return kafka as unknown as Kafka
}

class SimProducer {
  readonly #parts: ClientParts
  readonly #transactionalId: string
  #state: State = 'uninitialized'
  #producer: Producer = { id: -1, epoch: -1 }
  readonly #sequences = new Map<PartitionLog, number>()
  readonly #added = new Set<PartitionLog>()
  #hasOffsets = false

  constructor(parts: ClientParts, transactionalId: string) {
    this.#parts = parts
    this.#transactionalId = transactionalId
  }

  async connect(): Promise<void> {
    await this.#request('ApiVersions', (reply: Reply<null>) => {
      reply.ok(null)
    })
  }

  disconnect(): Promise<void> {
    return Promise.resolve()
  }

  async transaction() {
    if (this.#state === 'uninitialized') {
      this.#producer = await this.#request('InitProducerId', (reply: Reply<Producer>) => {
        this.#parts.broker.transactions.initProducer(this.#transactionalId, reply)
      })
      this.#to('ready')
    }
    this.#to('transacting')
    let isOver = false
    const guarded =
      <A extends unknown[]>(work: (...args: A) => Promise<void>) =>
      async (...args: A): Promise<void> => {
        if (isOver || this.#state !== 'transacting') {
          throw new Error('Cannot continue to use transaction once ended')
        }
        await work(...args)
      }
    const ended = (isCommit: boolean) =>
      guarded(async () => {
        await this.#end(isCommit)
        isOver = true
      })
    return {
      sendBatch: guarded(({ topicMessages }: { topicMessages: readonly TopicMessages[] }) =>
        this.#retrying(() => this.#send(topicMessages)),
      ),
      sendOffsets: guarded((offsets: Offsets) => this.#sendOffsets(offsets)),
      commit: ended(true),
      abort: ended(false),
    }
  }

  async #send(topicMessages: readonly TopicMessages[]): Promise<void> {
    const { broker, process } = this.#parts
    const batches = new Map<PartitionLog, { key: Buffer | null; value: Buffer | null }[]>()
    for (const { topic, messages } of topicMessages) {
      for (const { key, value, partition } of messages) {
        const log = broker.log(topic, partition)
        const batch = batches.get(log) ?? []
        batch.push({ key, value })
        batches.set(log, batch)
      }
    }
    const fresh = [...batches.keys()].filter((log) => !this.#added.has(log))
    if (fresh.length > 0) {
      await this.#asking('AddPartitionsToTxn', () => {
        this.#transaction = broker.transactions.addPartitions(
          this.#transactionalId,
          this.#producer,
          fresh,
        )
      })
      for (const log of fresh) this.#added.add(log)
    }
    const timestampMs = process.clock.now()
    const transaction = this.#transaction
    const [producer, sequences] = [this.#producer, new Map(this.#sequences)]
    await this.#asking('Produce', () => {
      for (const [log, messages] of batches) {
        const sequence = sequences.get(log) ?? 0
        log.produce(producer, { sequence, transaction, timestampMs, messages })
      }
    })
    for (const [log, messages] of batches) {
      this.#sequences.set(log, (this.#sequences.get(log) ?? 0) + messages.length)
    }
  }

  /** Of the run, for the checks; no client knows it. */
  #transaction = 0

  async #sendOffsets({ consumerGroupId, topics }: Offsets): Promise<void> {
    const { transactions } = this.#parts.broker
    await this.#asking('AddOffsetsToTxn', () => {
      this.#transaction = transactions.addOffsets(this.#transactionalId, this.#producer)
    })
    this.#hasOffsets = true
    const [producer, transaction] = [this.#producer, this.#transaction]
    await this.#asking('TxnOffsetCommit', () => {
      for (const { topic, partitions } of topics) {
        for (const { partition, offset } of partitions) {
          const key = offsetKey(consumerGroupId, topic, partition)
          transactions.commitOffset(producer, key, Number(offset), transaction)
        }
      }
    })
  }

  async #end(isCommit: boolean): Promise<void> {
    this.#to(isCommit ? 'committing' : 'aborting')
    if (this.#added.size > 0 || this.#hasOffsets) {
      await this.#asking('EndTxn', () => {
        const { transactions } = this.#parts.broker
        transactions.endTransaction(this.#transactionalId, this.#producer, isCommit)
      })
    }
    this.#to('ready')
    this.#added.clear()
    this.#hasOffsets = false
  }

  async #retrying(work: () => Promise<void>): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        await work()
        return
      } catch (error) {
        const canRetry =
          error instanceof ConnectionError ||
          (error instanceof BrokerError && error.type === 'CONCURRENT_TRANSACTIONS')
        if (!canRetry || attempt >= retriesMax) throw error
        await this.#parts.process.clock.sleep(300 * 2 ** attempt)
      }
    }
  }

  #asking(name: string, effect: () => void): Promise<null> {
    return this.#request(name, (reply: Reply<null>) => {
      try {
        effect()
      } catch (error) {
        reply.fail(error as Error)
        return
      }
      reply.ok(null)
    })
  }

  #request<T>(name: string, handle: (reply: Reply<T>) => void): Promise<T> {
    const { network, process, broker } = this.#parts
    return network.request(process, { to: broker, name }, handle)
  }

  #to(state: State): void {
    if (!legal[this.#state].includes(state)) {
      throw new Error(`Transaction state exception: Invalid transition ${this.#state} --> ${state}`)
    }
    this.#state = state
  }
}
