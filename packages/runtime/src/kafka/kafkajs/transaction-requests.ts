import type { Kafka } from 'kafkajs'
import type { OutputRecord } from '../ports.ts'
import { createCluster, type Broker, type Cluster } from './client.ts'

/** Who writes under a transactional id. A later identity of the same id fences the earlier ones. */
export interface ProducerIdentity {
  /** int64 as a decimal number. */
  readonly id: string
  readonly epoch: number
}

/** Records of one topic, for the partition of their transaction. */
export interface ProducedBatch {
  readonly topic: string
  /** Number of the first record among all that this identity wrote to the partition, modulo 2^31. */
  readonly firstSequence: number
  readonly records: readonly OutputRecord[]
}

/** The requests a transaction is made of, for one transactional id, each tried once. */
export interface TransactionRequests {
  /** Takes the id over, wherever its coordinator is now. */
  initProducer(): Promise<ProducerIdentity>
  addPartitions(
    producer: ProducerIdentity,
    added: { readonly topics: readonly string[]; readonly partition: number },
  ): Promise<void>
  addOffsets(producer: ProducerIdentity, group: string): Promise<void>
  produce(
    producer: ProducerIdentity,
    partition: number,
    batches: readonly ProducedBatch[],
  ): Promise<void>
  commitOffset(producer: ProducerIdentity, offset: OffsetToCommit): Promise<void>
  commit(producer: ProducerIdentity): Promise<void>
  /** Of the connections; an open transaction stays open. */
  close(): Promise<void>
}

export interface OffsetToCommit {
  readonly group: string
  readonly topic: string
  readonly partition: number
  readonly nextOffset: number
}

/** Longer than any batch takes, shorter than a human's patience when a dead owner's transaction holds back readers. */
const transactionTimeoutMs = 30_000
const produceTimeoutMs = 30_000
const coordinatorOf = { group: 0, transaction: 1 } as const
const allReplicas = -1

/**
 * Over connections of its own. Coordinators are asked for once and remembered until the id is taken over again: kafkajs's producer asks
 * before every request to one, which is four of the nine requests of its transactions.
 */
export function kafkajsTransactionRequests(
  kafka: Kafka,
  transactionalId: string,
): TransactionRequests {
  return new KafkajsTransactionRequests(createCluster(kafka), transactionalId)
}

class KafkajsTransactionRequests implements TransactionRequests {
  readonly #cluster: Cluster
  readonly #transactionalId: string
  #coordinator = -1
  readonly #groupCoordinators = new Map<string, number>()
  readonly #topics = new Set<string>()

  constructor(cluster: Cluster, transactionalId: string) {
    this.#cluster = cluster
    this.#transactionalId = transactionalId
  }

  async initProducer(): Promise<ProducerIdentity> {
    const transactionalId = this.#transactionalId
    await this.#cluster.connect()
    await this.#cluster.refreshMetadataIfNecessary()
    const coordinator = await this.#cluster.findGroupCoordinator({
      groupId: transactionalId,
      coordinatorType: coordinatorOf.transaction,
    })
    this.#coordinator = coordinator.nodeId
    const { producerId, producerEpoch } = await coordinator.initProducerId({
      transactionalId,
      transactionTimeout: transactionTimeoutMs,
    })
    return { id: producerId, epoch: producerEpoch }
  }

  async addPartitions(
    producer: ProducerIdentity,
    { topics, partition }: { readonly topics: readonly string[]; readonly partition: number },
  ): Promise<void> {
    const coordinator = await this.#broker(this.#coordinator)
    await coordinator.addPartitionsToTxn({
      ...this.#as(producer),
      topics: topics.map((topic) => ({ topic, partitions: [partition] })),
    })
  }

  async addOffsets(producer: ProducerIdentity, group: string): Promise<void> {
    const coordinator = await this.#broker(this.#coordinator)
    await coordinator.addOffsetsToTxn({ ...this.#as(producer), groupId: group })
  }

  async produce(
    producer: ProducerIdentity,
    partition: number,
    batches: readonly ProducedBatch[],
  ): Promise<void> {
    await this.#learn(batches.map(({ topic }) => topic))
    const byLeader = new Map<number, object[]>()
    for (const { topic, firstSequence, records } of batches) {
      const leader = this.#leader(topic, partition)
      const topicData = byLeader.get(leader) ?? []
      byLeader.set(leader, topicData)
      topicData.push({ topic, partitions: [{ partition, firstSequence, messages: records }] })
    }
    const sends = [...byLeader].map(async ([leader, topicData]) => {
      const broker = await this.#broker(leader)
      const how = { acks: allReplicas, timeout: produceTimeoutMs }
      await broker.produce({ ...this.#as(producer), ...how, topicData })
    })
    await Promise.all(sends)
  }

  async commitOffset(
    producer: ProducerIdentity,
    { group, topic, partition, nextOffset }: OffsetToCommit,
  ): Promise<void> {
    const coordinator = await this.#groupCoordinator(group)
    await coordinator.txnOffsetCommit({
      ...this.#as(producer),
      groupId: group,
      topics: [{ topic, partitions: [{ partition, offset: String(nextOffset) }] }],
    })
  }

  async commit(producer: ProducerIdentity): Promise<void> {
    const coordinator = await this.#broker(this.#coordinator)
    await coordinator.endTxn({ ...this.#as(producer), transactionResult: true })
  }

  close(): Promise<void> {
    return this.#cluster.disconnect()
  }

  #as({ id, epoch }: ProducerIdentity) {
    return { transactionalId: this.#transactionalId, producerId: id, producerEpoch: epoch }
  }

  /** With a connection that stands: the broker ends those that nobody used for minutes. */
  #broker(nodeId: number): Promise<Broker> {
    return this.#cluster.findBroker({ nodeId })
  }

  async #groupCoordinator(group: string): Promise<Broker> {
    const known = this.#groupCoordinators.get(group)
    if (known !== undefined) return this.#broker(known)
    const found = await this.#cluster.findGroupCoordinator({
      groupId: group,
      coordinatorType: coordinatorOf.group,
    })
    this.#groupCoordinators.set(group, found.nodeId)
    return found
  }

  async #learn(topics: readonly string[]): Promise<void> {
    const news = topics.filter((topic) => !this.#topics.has(topic))
    if (news.length > 0) await this.#cluster.addMultipleTargetTopics(news)
    for (const topic of news) this.#topics.add(topic)
    await this.#cluster.refreshMetadataIfNecessary()
  }

  #leader(topic: string, partition: number): number {
    const [leader] = Object.keys(this.#cluster.findLeaderForPartitions(topic, [partition]))
    if (leader === undefined) throw new Error(`nobody leads partition ${partition} of ${topic}`)
    return Number(leader)
  }
}
