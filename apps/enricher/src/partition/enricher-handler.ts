import { failpoint } from '@faultline/runtime/failpoints'
import type {
  GroupOffsets,
  PartitionHandler,
  RecordBatch,
  TableFeed,
  TopicHistory,
  TransactionalProducer,
  TransactionalProducers,
} from '@faultline/runtime/kafka'
import { PartitionEnricher, type EnrichmentTools } from './partition-enricher.ts'
import { PartitionStore } from './partition-store.ts'
import type { Enrichment } from './step.ts'

export interface EnricherHandlerOptions {
  readonly group: string
  readonly tools: EnrichmentTools
  readonly offsets: GroupOffsets
  readonly producers: TransactionalProducers
  readonly history: TopicHistory
  readonly catalogFeed: TableFeed
  /** Told of each batch that was committed. */
  readonly onProgress: (batch: RecordBatch) => void
  /** Told of each transaction that failed, whatever became of it. */
  readonly onNotCommitted: () => void
  /** Told of everything committed. */
  readonly onCommitted: (partition: number, enrichment: Enrichment, parked: number) => void
}

/** A partition that is ours: its enrichment, the right to write for it, and how far it is. */
interface Task {
  readonly enricher: PartitionEnricher
  readonly producer: TransactionalProducer
  next: number | null
}

/**
 * Drives the enrichment of the partitions this process owns, exactly once.
 *
 * One transactional id for each input partition, because the protocol that kafkajs speaks fences a former owner by that id
 * alone. The order of takeOver matters: first fence, then read the committed offset, then restore the state. Read the other
 * way round, the former owner could commit in between and its last batch would be enriched again.
 */
export class EnricherHandler implements PartitionHandler {
  readonly #options: EnricherHandlerOptions
  readonly #tasks = new Map<number, Task>()

  constructor(options: EnricherHandlerOptions) {
    this.#options = options
  }

  async takeOver(partition: number): Promise<number | null> {
    const { producers, offsets, history, tools, catalogFeed, group } = this.#options
    const { measurements, state } = tools.topics
    const producer = await producers.open(`${group}-${measurements}-${partition}`)
    failpoint('enricher.fenced-offset-unread')
    try {
      const committed = await offsets.committed(partition)
      const store = new PartitionStore(tools.limits)
      await history.replay({ topic: state, partition }, (records) => {
        store.restore(records)
        failpoint('enricher.restoring')
      })
      await catalogFeed.caughtUp()
      const { end } = await history.bounds(measurements, partition)
      const next = committed?.offset ?? null
      // The committed offset may stand before a last transaction marker. Should that be a record, it is read next anyway.
      const isCaughtUp = next !== null && next >= end - 1
      const enricher = new PartitionEnricher({ partition, tools, store, isCaughtUp })
      this.#tasks.set(partition, { enricher, producer, next })
      // Devices may have been registered or deleted while nobody owned the partition.
      await this.onCatalogChange(partition)
      failpoint('enricher.offset-read-unsought')
      return next
    } catch (error) {
      this.#tasks.delete(partition)
      await producer.close()
      throw error
    }
  }

  async process(batch: RecordBatch): Promise<void> {
    failpoint('enricher.polled')
    const task = this.#task(batch.partition)
    const { group, tools } = this.#options
    const { enriched, state } = tools.topics
    task.producer.plan({ partition: batch.partition, topics: [enriched, state], group })
    // Debezium commits a catalog row no later than the measurements after it, so this makes the join see it.
    await this.#options.catalogFeed.caughtUp()
    const enrichment = await task.enricher.onBatch(batch)
    await this.#commit(task, batch.partition, enrichment, batch.nextOffset)
    task.next = batch.nextOffset
    this.#options.onProgress(batch)
  }

  /** What a change of the catalog brings about; to be called between two batches. */
  async onCatalogChange(partition: number): Promise<void> {
    const task = this.#task(partition)
    if (task.next === null) return
    const enrichment = await task.enricher.onCatalogChange()
    if (enrichment.records.length > 0) await this.#commit(task, partition, enrichment, task.next)
  }

  release(partition: number): void {
    const task = this.#tasks.get(partition)
    this.#tasks.delete(partition)
    failpoint('enricher.released')
    // Its connection only; an open transaction is ended by the next owner's takeOver or by its timeout.
    void task?.producer.close()
  }

  #task(partition: number): Task {
    const task = this.#tasks.get(partition)
    if (task === undefined) throw new Error(`partition ${partition} was not taken over`)
    return task
  }

  async #commit(
    task: Task,
    partition: number,
    enrichment: Enrichment,
    nextOffset: number,
  ): Promise<void> {
    const { group, tools, onCommitted } = this.#options
    try {
      await task.producer.commit({
        partition,
        records: enrichment.records,
        consumed: { group, topic: tools.topics.measurements, nextOffset },
      })
    } catch (error) {
      this.#options.onNotCommitted()
      throw error
    }
    failpoint('enricher.committed-memory-behind')
    onCommitted(partition, enrichment, task.enricher.parkedCount)
  }
}
