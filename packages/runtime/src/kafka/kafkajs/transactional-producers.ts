import type { Kafka } from 'kafkajs'
import { systemClock, type Clock } from '../../clock.ts'
import { FaultlineError } from '../../errors/index.ts'
import { failpoint } from '../../failpoints/index.ts'
import type {
  OutputRecord,
  Transaction,
  TransactionalProducer,
  TransactionPlan,
  TransactionalProducers,
} from '../ports.ts'
import { asBrokerUnavailable, isFencing, isRetriable, isTransactionEnding } from './errors.ts'
import {
  kafkajsTransactionRequests,
  type ProducedBatch,
  type ProducerIdentity,
  type TransactionRequests,
} from './transaction-requests.ts'

/**
 * Everything of one send to a partition is one record batch, and the broker refuses a batch over 1 MB; a record's own
 * overhead is below 100 bytes.
 */
const sendBytesMax = 700_000
const recordOverheadBytes = 100

const sequences = 2 ** 31

/** Between two tries, and for how long in all: a coordinator that ends a transaction usually needs a few milliseconds. */
const waitMs = { first: 1, max: 200, inAll: 10_000 }

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

/** What is written to one partition, by topic. */
function byTopic(records: readonly OutputRecord[]): Map<string, OutputRecord[]> {
  const topics = new Map<string, OutputRecord[]>()
  for (const record of records) {
    const entry = topics.get(record.topic)
    if (entry === undefined) topics.set(record.topic, [record])
    else entry.push(record)
  }
  return topics
}

/** @see transactionalProducers */
export function kafkajsTransactionalProducers(kafka: Kafka): TransactionalProducers {
  return transactionalProducers((id) => kafkajsTransactionRequests(kafka, id), systemClock)
}

/**
 * Transactions in the protocol before Transactions V2, which is the one that kafkajs speaks: a late EndTxn of one transaction may hit
 * the next. Therefore a producer that saw any error is never used again: the next `open` bumps the epoch, which fences
 * whatever was still on its way.
 */
export function transactionalProducers(
  connect: (transactionalId: string) => TransactionRequests,
  clock: Clock,
): TransactionalProducers {
  return {
    async open(transactionalId) {
      const requests = connect(transactionalId)
      try {
        const identity = await asking(() => requests.initProducer(), { clock, again: isRetriable })
        return new RequestingProducer({ transactionalId, requests, identity, clock })
      } catch (error) {
        await closeQuietly(requests)
        throw asBrokerUnavailable(error, `taking over ${transactionalId}`)
      }
    },
  }
}

interface ProducerParts {
  readonly transactionalId: string
  readonly requests: TransactionRequests
  readonly identity: ProducerIdentity
  readonly clock: Clock
}

/** What the coordinator was told that the open transaction will write to. */
interface Begun extends TransactionPlan {
  readonly told: Promise<unknown>
}

class RequestingProducer implements TransactionalProducer {
  readonly #parts: ProducerParts
  #begun: Begun | null = null
  /** Of the next record, by topic and partition. */
  readonly #sequences = new Map<string, number>()
  #spent = false

  constructor(parts: ProducerParts) {
    this.#parts = parts
  }

  plan(plan: TransactionPlan): void {
    if (this.#spent || this.#begun !== null) return
    const told = this.#tell(plan.partition, plan.topics, plan.group)
    // It is awaited by the commit; until then a failure must not count as unhandled.
    told.catch(() => undefined)
    this.#begun = { ...plan, told }
  }

  async commit(transaction: Transaction): Promise<void> {
    const { transactionalId } = this.#parts
    if (this.#spent) throw new Error(`producer ${transactionalId} was used after a failure`)
    try {
      await this.#commit(transaction)
    } catch (error) {
      this.#spent = true
      throw this.#classify(error)
    }
  }

  async close(): Promise<void> {
    this.#spent = true
    await closeQuietly(this.#parts.requests)
  }

  /** What does not need the other's answer goes out together: three times there and back instead of five. */
  async #commit({ partition, records, consumed }: Transaction): Promise<void> {
    const begun = this.#begun
    this.#begun = null
    if (begun === null && records.length === 0 && consumed === null) return
    const { requests, identity } = this.#parts
    failpoint('transaction.begun')
    const isBegun = (topic: string) =>
      begun?.partition === partition && begun.topics.includes(topic)
    const written = new Set(records.map(({ topic }) => topic))
    const topics = [...written].filter((topic) => !isBegun(topic))
    const group = consumed === null || consumed.group === begun?.group ? null : consumed.group
    await Promise.all([begun?.told, this.#tell(partition, topics, group)])
    await Promise.all([
      this.#produce(partition, records),
      consumed !== null && requests.commitOffset(identity, { ...consumed, partition }),
    ])
    failpoint('transaction.offsets-sent')
    await requests.commit(identity)
  }

  /** Which partition of which topics, and which group's offsets, the transaction will write. */
  #tell(partition: number, topics: readonly string[], group: string | null): Promise<unknown> {
    const { requests, identity } = this.#parts
    return Promise.all([
      topics.length > 0 &&
        this.#onceEnded(() => requests.addPartitions(identity, { topics, partition })),
      group !== null && this.#onceEnded(() => requests.addOffsets(identity, group)),
    ])
  }

  /** One after the other, since the broker takes a partition's records only in the order of their numbers. */
  async #produce(partition: number, records: readonly OutputRecord[]): Promise<void> {
    const { requests, identity } = this.#parts
    for (const [i, send] of splitSends(records).entries()) {
      await requests.produce(identity, partition, this.#numbered(partition, send))
      if (i === 0) failpoint('transaction.first-sent')
    }
    failpoint('transaction.all-sent')
  }

  #numbered(partition: number, send: readonly OutputRecord[]): ProducedBatch[] {
    return [...byTopic(send)].map(([topic, records]) => {
      const key = `${topic}/${partition}`
      const firstSequence = this.#sequences.get(key) ?? 0
      this.#sequences.set(key, (firstSequence + records.length) % sequences)
      return { topic, firstSequence, records }
    })
  }

  /** The answer to a commit does not wait for its markers, and until they are written the coordinator begins nothing new. */
  #onceEnded(ask: () => Promise<void>): Promise<void> {
    const again = (error: unknown) => !this.#spent && isTransactionEnding(error)
    return asking(ask, { clock: this.#parts.clock, again })
  }

  #classify(error: unknown): FaultlineError {
    const context = { transactionalId: this.#parts.transactionalId }
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

/** Asks until it is answered, as long as the errors are of those that pass and the patience lasts. */
async function asking<T>(
  ask: () => Promise<T>,
  { clock, again }: { readonly clock: Clock; readonly again: (error: unknown) => boolean },
): Promise<T> {
  let waitedMs = 0
  for (let delayMs = waitMs.first; ; delayMs = Math.min(delayMs * 2, waitMs.max)) {
    try {
      return await ask()
    } catch (error) {
      if (waitedMs >= waitMs.inAll || !again(error)) throw error
    }
    await clock.sleep(delayMs)
    waitedMs += delayMs
  }
}

/** A producer that is thrown away may fail to say goodbye; nothing depends on it. */
async function closeQuietly(requests: TransactionRequests): Promise<void> {
  try {
    await requests.close()
  } catch {
    return
  }
}
