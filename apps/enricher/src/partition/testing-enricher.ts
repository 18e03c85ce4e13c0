import { systemClock } from '@faultline/runtime/clock'
import { startMemoryReader, type MemoryBroker } from '@faultline/runtime/kafka/memory'
import { createLogger } from '@faultline/runtime/logging'
import { EnricherHandler } from './enricher-handler.ts'
import type { EnrichmentTools } from './partition-enricher.ts'
import { fromJson, testTopics } from './testing.ts'

const group = 'g'
const noDelay = { ...systemClock, sleep: () => Promise.resolve() }

/** A running enricher on a broker in memory; `settled` resolves when everything appended so far is committed. */
export function startEnricher(broker: MemoryBroker, tools: EnrichmentTools, batchMax = 10) {
  const fatal: unknown[] = []
  const failed = Promise.withResolvers<undefined>()
  let handler: EnricherHandler | undefined
  const reader = startMemoryReader({
    broker,
    group,
    topic: testTopics.measurements,
    partitions: [0],
    batchMax,
    clock: noDelay,
    logger: createLogger('test', 'silent'),
    onFatal: (error) => {
      fatal.push(error)
      failed.resolve(undefined)
    },
    handler: ({ offsets }) =>
      (handler = new EnricherHandler({
        group,
        tools,
        offsets,
        producers: broker.transactionalProducers(),
        history: broker.history(),
        catalogFeed: { caughtUp: () => Promise.resolve() },
        onCommitted: () => undefined,
        onNotCommitted: () => undefined,
        onProgress: () => undefined,
      })),
  })
  const settled = async (): Promise<void> => {
    const { end } = broker.read(testTopics.measurements, 0, 0)
    const offsets = broker.groupOffsets(group, testTopics.measurements)
    for (;;) {
      const changed = broker.changed()
      if (fatal.length > 0 || ((await offsets.committed(0))?.offset ?? 0) >= end) return
      await Promise.race([changed, failed.promise])
    }
  }
  return {
    settled,
    fatal,
    failed: failed.promise,
    catalogChanged: () => reader.value.between(0, async () => handler?.onCatalogChange(0)),
    stop: () => reader.stop(),
  }
}

export interface Output {
  readonly event_id: string
  readonly device_id: string
  readonly fault_score: number
  readonly features: { readonly events: number }
}

/** What it wrote of measurements, oldest first. */
export function outputs(broker: MemoryBroker): Output[] {
  return broker
    .read(testTopics.enriched, 0, 0)
    .records.filter(({ value }) => value !== null)
    .map(({ value }) => fromJson(value) as Output)
}

export function deadLetters(broker: MemoryBroker) {
  return broker.read(testTopics.deadLetters, 0, 0).records.map(
    ({ value }) =>
      fromJson(value) as {
        reason: string
        value: string
        source_offset: number
        attempts: number
      },
  )
}
