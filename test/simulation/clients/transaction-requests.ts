import type {
  OffsetToCommit,
  ProducedBatch,
  ProducerIdentity,
  TransactionRequests,
} from '../../../packages/runtime/src/kafka/kafkajs/transaction-requests.ts'
import type { PartitionLog, Producer } from '../model/partition-log.ts'
import { offsetKey, type SimBroker } from '../model/sim-broker.ts'
import type { Network, Reply } from '../network.ts'
import type { SimProcess } from '../sim-process.ts'

export interface ClientParts {
  readonly process: SimProcess
  readonly network: Network
  readonly broker: SimBroker
}

/** The requests of a transactional producer, to the model broker. */
export function simTransactionRequests(
  parts: ClientParts,
  transactionalId: string,
): TransactionRequests {
  return new SimTransactionRequests(parts, transactionalId)
}

function numbered({ id, epoch }: ProducerIdentity): Producer {
  return { id: Number(id), epoch }
}

class SimTransactionRequests implements TransactionRequests {
  readonly #parts: ClientParts
  readonly #transactionalId: string
  /** Of the run, for the checks; no client knows it. */
  #transaction = 0

  constructor(parts: ClientParts, transactionalId: string) {
    this.#parts = parts
    this.#transactionalId = transactionalId
  }

  async initProducer(): Promise<ProducerIdentity> {
    const { transactions } = this.#parts.broker
    const { id, epoch } = await this.#request('InitProducerId', (reply: Reply<Producer>) => {
      transactions.initProducer(this.#transactionalId, reply)
    })
    return { id: String(id), epoch }
  }

  addPartitions(
    producer: ProducerIdentity,
    { topics, partition }: { readonly topics: readonly string[]; readonly partition: number },
  ): Promise<void> {
    const logs = topics.map((topic) => this.#log(topic, partition))
    return this.#asking('AddPartitionsToTxn', () => {
      const { transactions } = this.#parts.broker
      const id = this.#transactionalId
      this.#transaction = transactions.addPartitions(id, numbered(producer), logs)
    })
  }

  addOffsets(producer: ProducerIdentity): Promise<void> {
    return this.#asking('AddOffsetsToTxn', () => {
      const { transactions } = this.#parts.broker
      this.#transaction = transactions.addOffsets(this.#transactionalId, numbered(producer))
    })
  }

  produce(
    producer: ProducerIdentity,
    partition: number,
    batches: readonly ProducedBatch[],
  ): Promise<void> {
    const timestampMs = this.#parts.process.clock.now()
    const transaction = this.#transaction
    return this.#asking('Produce', () => {
      for (const { topic, firstSequence: sequence, records: messages } of batches) {
        const written = { sequence, transaction, timestampMs, messages }
        this.#log(topic, partition).produce(numbered(producer), written)
      }
    })
  }

  commitOffset(
    producer: ProducerIdentity,
    { group, topic, partition, nextOffset }: OffsetToCommit,
  ): Promise<void> {
    const transaction = this.#transaction
    return this.#asking('TxnOffsetCommit', () => {
      const { transactions } = this.#parts.broker
      const key = offsetKey(group, topic, partition)
      transactions.commitOffset(numbered(producer), key, nextOffset, transaction)
    })
  }

  commit(producer: ProducerIdentity): Promise<void> {
    return this.#asking('EndTxn', () => {
      const { transactions } = this.#parts.broker
      transactions.endTransaction(this.#transactionalId, numbered(producer), true)
    })
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  #log(topic: string, partition: number): PartitionLog {
    return this.#parts.broker.log(topic, partition)
  }

  async #asking(name: string, effect: () => void): Promise<void> {
    await this.#request(name, (reply: Reply<null>) => {
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
}
