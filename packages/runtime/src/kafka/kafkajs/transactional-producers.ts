import type { Kafka, Producer, TopicMessages, Transaction as KafkaTransaction } from 'kafkajs'
import { FaultlineError } from '../../errors/index.ts'
import { failpoint } from '../../failpoints/index.ts'
import type {
  OutputRecord,
  Transaction,
  TransactionalProducer,
  TransactionalProducers,
} from '../ports.ts'
import { asBrokerUnavailable, isFencing } from './errors.ts'

/**
 * kafkajs puts everything of one send to a partition in one record batch, and the broker refuses a batch over 1 MB;
 * a record's own overhead is below 100 bytes.
 */
const sendBytesMax = 700_000
const recordOverheadBytes = 100

/** Longer than any batch takes, shorter than a human's patience when a dead owner's transaction holds back readers. */
const transactionTimeoutMs = 30_000

/** Groups records into sends below the size limit, in order. */
export function splitSends(records: readonly OutputRecord[]): OutputRecord[][] {
  const sends: OutputRecord[][] = []
  let current: OutputRecord[] = []
  let bytes = 0
  for (const record of records) {
    const size = (record.key?.length ?? 0) + (record.value?.length ?? 0) + recordOverheadBytes
    if (current.length > 0 && bytes + size > sendBytesMax) {
      sends.push(current)
      current = []
      bytes = 0
    }
    current.push(record)
    bytes += size
  }
  if (current.length > 0) sends.push(current)
  return sends
}

function topicMessages(records: readonly OutputRecord[], partition: number): TopicMessages[] {
  const byTopic = new Map<string, TopicMessages>()
  for (const { topic, key, value, headers } of records) {
    let entry = byTopic.get(topic)
    if (entry === undefined) {
      entry = { topic, messages: [] }
      byTopic.set(topic, entry)
    }
    entry.messages.push({ key, value, partition, ...(headers !== undefined && { headers }) })
  }
  return [...byTopic.values()]
}

/**
 * Transactions over kafkajs. kafkajs speaks the protocol without Transactions V2: a late EndTxn of one transaction may hit
 * the next, and after a failed commit its state machine refuses everything. Therefore a producer that saw any error is never
 * used again: the next `open` bumps the epoch, which fences whatever was still on its way.
 */
export function kafkajsTransactionalProducers(kafka: Kafka): TransactionalProducers {
  return {
    async open(transactionalId) {
      const producer = kafka.producer({
        transactionalId,
        maxInFlightRequests: 1,
        transactionTimeout: transactionTimeoutMs,
        allowAutoTopicCreation: false,
      })
      try {
        await producer.connect()
        // kafkajs sends InitProducerId with its first transaction, not with connect(): only from here on is the former holder
        // of the id fenced. Nothing was sent yet, so the abort stays on this side.
        const first = await producer.transaction()
        await first.abort()
      } catch (error) {
        await disconnectQuietly(producer)
        throw asBrokerUnavailable(error, `taking over ${transactionalId}`)
      }
      return new KafkajsTransactionalProducer(producer, transactionalId)
    },
  }
}

async function sendConsumed(
  open: KafkaTransaction,
  partition: number,
  { group, topic, nextOffset }: NonNullable<Transaction['consumed']>,
): Promise<void> {
  await open.sendOffsets({
    consumerGroupId: group,
    topics: [{ topic, partitions: [{ partition, offset: String(nextOffset) }] }],
  })
}

class KafkajsTransactionalProducer implements TransactionalProducer {
  readonly #producer: Producer
  readonly #transactionalId: string
  #spent = false

  constructor(producer: Producer, transactionalId: string) {
    this.#producer = producer
    this.#transactionalId = transactionalId
  }

  async commit(transaction: Transaction): Promise<void> {
    if (this.#spent) throw new Error(`producer ${this.#transactionalId} was used after a failure`)
    const { partition, consumed } = transaction
    try {
      const open = await this.#producer.transaction()
      failpoint('transaction.begun')
      for (const [i, records] of splitSends(transaction.records).entries()) {
        await open.sendBatch({ acks: -1, topicMessages: topicMessages(records, partition) })
        if (i === 0) failpoint('transaction.first-sent')
      }
      failpoint('transaction.all-sent')
      if (consumed !== null) await sendConsumed(open, partition, consumed)
      failpoint('transaction.offsets-sent')
      await open.commit()
    } catch (error) {
      this.#spent = true
      throw this.#classify(error)
    }
  }

  async close(): Promise<void> {
    this.#spent = true
    await disconnectQuietly(this.#producer)
  }

  #classify(error: unknown): FaultlineError {
    const context = { transactionalId: this.#transactionalId }
    if (isFencing(error)) {
      return new FaultlineError('PRODUCER_FENCED', 'a newer owner of the partition exists', {
        cause: error,
        context,
      })
    }
    return new FaultlineError('TRANSACTION_ABORTED', 'the transaction did not end with a commit', {
      cause: error,
      context,
    })
  }
}

/** A producer that is thrown away may fail to say goodbye; nothing depends on it. */
async function disconnectQuietly(producer: Producer): Promise<void> {
  try {
    await producer.disconnect()
  } catch {
    return
  }
}
