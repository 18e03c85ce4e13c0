import type { Kafka } from 'kafkajs'
import { createCluster, type Cluster } from './client.ts'

/** Ends of topics by name. */
export type TopicEnds = ReadonlyMap<string, number>

/**
 * High watermarks of single-partition topics, in one request for all of them: an admin asks twice for each topic and looks at its metadata
 * first. Callers that come while a request is under way share the next one, because its answer has to be newer than their call.
 */
export class TopicEndsReader {
  readonly #cluster: Cluster
  readonly #topics: readonly string[]
  #current: Promise<TopicEnds> | undefined
  #next: Promise<TopicEnds> | undefined
  #hasFailed = false

  constructor(kafka: Kafka, topics: readonly string[]) {
    this.#cluster = createCluster(kafka)
    this.#topics = topics
  }

  async connect(): Promise<void> {
    await this.#cluster.connect()
    await this.#cluster.addMultipleTargetTopics(this.#topics)
    await this.#cluster.refreshMetadataIfNecessary()
  }

  disconnect(): Promise<void> {
    return this.#cluster.disconnect()
  }

  /** No older than the call. Rejects where the broker did not answer: this is one try. */
  read(): Promise<TopicEnds> {
    if (this.#current === undefined) return this.#begin()
    this.#next ??= this.#current.then(
      () => this.#begin(),
      () => this.#begin(),
    )
    return this.#next
  }

  #begin(): Promise<TopicEnds> {
    this.#next = undefined
    const asked = this.#ask().finally(() => {
      if (this.#current === asked) this.#current = undefined
    })
    this.#current = asked
    return asked
  }

  async #ask(): Promise<TopicEnds> {
    const partitions = [{ partition: 0 }]
    const wanted = this.#topics.map((topic) => ({ topic, partitions, fromBeginning: false }))
    // Another broker may lead a topic since the last try.
    if (this.#hasFailed) await this.#cluster.refreshMetadata()
    else await this.#cluster.refreshMetadataIfNecessary()
    this.#hasFailed = true
    const found = await this.#cluster.fetchTopicsOffset(wanted)
    this.#hasFailed = false
    return new Map(found.map((one) => [one.topic, Number(one.partitions[0]?.offset ?? Number.NaN)]))
  }
}
