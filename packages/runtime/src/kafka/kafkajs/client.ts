import type { Kafka, LogEntry } from 'kafkajs'
import { failpointsOn } from '../../failpoints/index.ts'
import { watchedKafkaSocket } from '../../failpoints/sent-requests.ts'
import type { Logger } from '../../logging/index.ts'
import { isTextOfEnding } from './errors.ts'
import { Kafka as KafkaClient, logLevel } from './library.ts'

interface ClientOptions {
  readonly brokers: readonly string[]
  readonly clientId: string
  readonly logger: Logger
}

/**
 * A kafkajs client with the retry times this product needs: 5 ms first, because a commit is followed by a short
 * CONCURRENT_TRANSACTIONS window and the default of 300 ms would be most of the latency; at most 2 s between two tries.
 */
export function createKafka(options: ClientOptions): Kafka {
  const log = options.logger.child({ part: 'kafkajs' })
  const kafka = new KafkaClient({
    clientId: options.clientId,
    brokers: [...options.brokers],
    connectionTimeout: 3_000,
    requestTimeout: 15_000,
    retry: { initialRetryTime: 5, maxRetryTime: 2_000, retries: 12, factor: 0.2, multiplier: 2 },
    ...(failpointsOn ? { socketFactory: watchedKafkaSocket } : {}),
    logLevel: logLevel.WARN,
    logCreator:
      () =>
      ({ level, log: { message, broker, error, groupId, memberId } }: LogEntry) => {
        const facts = { broker, error, groupId, memberId } as Record<string, unknown>
        if (level === logLevel.ERROR && !isTextOfEnding(error)) log.warn(facts, message)
        else log.debug(facts, message)
      },
  })
  askForHighWatermarks(kafka)
  return kafka
}

/** What kafkajs keeps behind its clients and does not declare; the part of it that is used here. */
export interface Cluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>
  refreshMetadata(): Promise<void>
  refreshMetadataIfNecessary(): Promise<void>
  /** With a connection. */
  findBroker(broker: { readonly nodeId: number }): Promise<Broker>
  /** Asks each time. */
  findGroupCoordinator(of: {
    readonly groupId: string
    readonly coordinatorType: 0 | 1
  }): Promise<Broker>
  /** Partitions by leader, those of which the metadata is known. */
  findLeaderForPartitions(
    topic: string,
    partitions: readonly number[],
  ): Readonly<Record<string, readonly number[]>>
  /** One request to each broker that leads one of the partitions. */
  fetchTopicsOffset(
    topics: readonly {
      readonly topic: string
      readonly partitions: readonly { readonly partition: number }[]
      readonly fromBeginning: boolean
    }[],
  ): Promise<
    readonly {
      readonly topic: string
      readonly partitions: readonly { readonly offset: string }[]
    }[]
  >
}

/** Its requests reject with what the broker refuses. */
export interface Broker {
  readonly nodeId: number
  initProducerId(request: {
    readonly transactionalId: string
    readonly transactionTimeout: number
  }): Promise<{ readonly producerId: string; readonly producerEpoch: number }>
  addPartitionsToTxn(
    request: Identified & {
      readonly topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[]
    },
  ): Promise<unknown>
  addOffsetsToTxn(request: Identified & { readonly groupId: string }): Promise<unknown>
  produce(
    request: Identified & {
      readonly acks: number
      readonly timeout: number
      readonly topicData: readonly object[]
    },
  ): Promise<unknown>
  txnOffsetCommit(
    request: Identified & { readonly groupId: string; readonly topics: readonly object[] },
  ): Promise<unknown>
  endTxn(request: Identified & { readonly transactionResult: boolean }): Promise<unknown>
}

interface Identified {
  readonly transactionalId: string
  readonly producerId: string
  readonly producerEpoch: number
}

interface ClusterOptions {
  readonly isolationLevel?: number
  readonly metadataMaxAge?: number
  readonly allowAutoTopicCreation?: boolean
}
type CreateCluster = (options: ClusterOptions) => Cluster

const readUncommitted = 0

/**
 * Makes the offsets that an admin answers with high watermarks. kafkajs asks as a read_committed reader, offers no setting,
 * and gets the last stable offset, which stays before a record whose transaction marker has not reached its partition yet,
 * although a record of the same transaction may be readable elsewhere: a measurement was joined with the catalog row
 * before the right one. Consumers name their isolation level and keep it.
 */
function askForHighWatermarks(kafka: Kafka): void {
  const { name, create } = clusterMaker(kafka)
  Reflect.set(kafka, name, (options: ClusterOptions) => {
    const isolationLevel = options.isolationLevel ?? readUncommitted
    return create.call(kafka, { ...options, isolationLevel })
  })
}

/** Connections of their own for requests that no client of kafkajs sends in the way they are needed. */
export function createCluster(kafka: Kafka): Cluster {
  const options = { metadataMaxAge: 300_000, allowAutoTopicCreation: false }
  return clusterMaker(kafka).create.call(kafka, options)
}

function clusterMaker(kafka: Kafka): { readonly name: symbol; readonly create: CreateCluster } {
  const name = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  )
  const create = name === undefined ? undefined : (Reflect.get(kafka, name) as unknown)
  if (name === undefined || typeof create !== 'function') {
    throw new Error('this version of kafkajs makes its clusters in another way')
  }
  return { name, create: create as CreateCluster }
}
