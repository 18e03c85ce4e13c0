import type { Batch, Consumer, EachBatchPayload } from 'kafkajs'
import type { RecordBatch } from '../ports.ts'
import { asBrokerUnavailable, consumerCrash } from './errors.ts'
import { withHeartbeats } from './heartbeats.ts'
import { fetchedRecords } from './records.ts'

/** The broker answers once it has so many bytes, or after so long. Longer than a second would hold up heartbeats. */
export interface Gathering {
  readonly bytes: number
  readonly ms: number
}

/** The consumer's settings for it; without it the first record is answered at once, and nothing after `idleMs`. */
export function fetchWait(gather: Gathering | undefined, idleMs: number) {
  const { bytes, ms } = gather ?? { bytes: 1, ms: idleMs }
  return { minBytes: bytes, maxWaitTimeInMs: ms }
}

interface FetchAhead {
  readonly consumer: Pick<
    Consumer,
    'on' | 'events' | 'connect' | 'subscribe' | 'run' | 'disconnect'
  >
  readonly topic: string
  /** What the topic is read for, in errors. */
  readonly purpose: string
  /**
   * Called at once with what a fetch brought, `firstOffset` being where it began; resolves when that is done, and what of the same partition
   * was delivered before it. Where it rejects, kafkajs stops fetching at the next batch.
   */
  readonly deliver: (batch: RecordBatch) => Promise<void>
  /** These offsets hold no record for us (markers, aborted records); what was delivered before may still be worked on. */
  readonly passed: (partition: number, firstOffset: number, nextOffset: number) => void
  readonly onFatal: (error: unknown) => void
}

/**
 * Runs a consumer that fetches the next batches while the former are worked on. Of a partition at most two batches are here, the
 * one that is worked on and the next; the one after that is asked for when the first is done.
 * @throws FaultlineError BROKER_UNAVAILABLE
 */
export async function fetchAhead(options: FetchAhead): Promise<void> {
  const { consumer, topic, deliver, passed, onFatal } = options
  const newest = new Map<number, Promise<void>>()
  // Fetches that bring nothing but markers or aborted records never reach eachBatch.
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    if (payload.batchSize > 0) return
    passed(payload.partition, Number(payload.firstOffset), Number(payload.lastOffset) + 1)
  })
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) onFatal(consumerCrash(payload.error))
  })
  const eachBatch = async (payload: EachBatchPayload): Promise<void> => {
    const batch = fetchedBatch(payload.batch)
    const before = newest.get(batch.partition)
    const done = deliver(batch)
    newest.set(batch.partition, done)
    // Until the next batch comes nobody waits for it, and a failure must not count as unhandled.
    done.catch(() => undefined)
    // kafkajs fetches nothing before this returns, so it returns one batch early.
    await withHeartbeats(payload, () => before ?? Promise.resolve())
  }
  try {
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({ autoCommit: false, partitionsConsumedConcurrently: 8, eachBatch })
  } catch (error) {
    await consumer.disconnect()
    throw asBrokerUnavailable(error, options.purpose)
  }
}

function fetchedBatch(batch: Batch): RecordBatch {
  return {
    topic: batch.topic,
    partition: batch.partition,
    records: fetchedRecords(batch.messages),
    // Where the fetch began; kafkajs keeps it on the batch without declaring it.
    firstOffset: Number((batch as Batch & { readonly fetchedOffset: string }).fetchedOffset),
    nextOffset: Number(batch.lastOffset()) + 1,
    endOffset: Number(batch.highWatermark),
  }
}
