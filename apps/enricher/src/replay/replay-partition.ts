import type { DeadLetter } from '@faultline/contracts/dead-letter'
import type { EnrichedMeasurement } from '@faultline/contracts/enriched-measurement'
import type { TopicHistory, TransactionalProducer } from '@faultline/runtime/kafka'
import type { Encode } from '@faultline/runtime/registry'
import { parseChangelogKey } from '../partition/changelog.ts'
import { PartitionEnricher, type EnrichmentTools } from '../partition/partition-enricher.ts'
import { PartitionStore } from '../partition/partition-store.ts'
import { Comparison, differingMax, type ComparisonCounts, type Difference } from './comparison.ts'
import { RecordStream } from './record-stream.ts'

export interface ReplayTools {
  readonly history: TopicHistory
  readonly enrichment: Pick<
    EnrichmentTools,
    'catalog' | 'scorer' | 'decode' | 'decodeKnown' | 'now' | 'topics' | 'limits'
  >
  /** Where corrections go: a producer, and the encoder of the enriched topic. */
  readonly correct?: {
    readonly producer: TransactionalProducer
    readonly encode: Encode<EnrichedMeasurement>
  }
  /** Where the result goes besides. */
  readonly into?: {
    readonly topic: string
    readonly producer: TransactionalProducer
    readonly encode: Encode<EnrichedMeasurement>
  }
}

/** Raw offsets [from, to) are compared; the state is warmed from the first retained record. */
export interface ReplayRange {
  readonly partition: number
  readonly from: number
  readonly to: number
}

export interface ReplayResult {
  /** Raw records read, those that only warm the state included. */
  readonly records: number
  readonly counts: ComparisonCounts
  readonly dead_letters: number
  readonly waiting: number
  readonly corrected: number
  readonly first: Difference | null
  /** First offset that the raw topic still has. */
  readonly retained_from: number
}

const recordsPerTransaction = 500

/** Enriches a partition again and compares. Memory is bounded by a fetch, the states, and what waits for its device. */
export async function replayPartition(
  tools: ReplayTools,
  range: ReplayRange,
): Promise<ReplayResult> {
  const { history, enrichment } = tools
  const { partition } = range
  const { first } = await history.bounds(enrichment.topics.measurements, partition)
  const facts = {
    isTruncated: first > 0,
    refused: await refusedOffsets(tools, partition),
    waiting: await waitingOffsets(tools, partition),
  }
  let pass = await comparePass(tools, range, { ...facts, latest: new Map() })
  const latest = pass.comparison.lateCorrections()
  if (latest.size > 0) {
    const again = { history, enrichment }
    pass = await comparePass(again, range, { ...facts, latest })
  }
  const { counts, first: difference, differing } = pass.comparison.result()
  const corrections = differing.map(({ here, revision }) => ({
    ...here,
    revision: revision + 1,
    enriched_at: enrichment.now(),
  }))
  return {
    records: pass.records,
    counts,
    dead_letters: pass.deadLetters,
    waiting: [...facts.waiting].filter((offset) => offset >= range.from && offset < range.to)
      .length,
    corrected: await writeCorrections(tools, partition, corrections),
    first: difference,
    retained_from: first,
  }
}

interface PassFacts {
  readonly isTruncated: boolean
  readonly refused: ReadonlySet<number>
  readonly waiting: ReadonlySet<number>
  readonly latest: ReadonlyMap<string, number>
}

async function comparePass(tools: ReplayTools, range: ReplayRange, facts: PassFacts) {
  const { history, enrichment } = tools
  const { partition, from, to } = range
  const topic = enrichment.topics.measurements
  const comparison = new Comparison(facts)
  const produced: EnrichedMeasurement[] = []
  const enricher = offlineEnricher(enrichment, partition, produced)
  const raw = new RecordStream(history, { topic, partition, to })
  const live = new LiveSide(tools, comparison, range)
  let records = 0
  let deadLetters = 0
  for (let batch = await raw.next(); batch !== null; batch = await raw.next()) {
    const readable = batch.filter(({ offset }) => !facts.refused.has(offset))
    records += batch.length
    deadLetters += batch.filter(({ offset }) => offset >= from && facts.refused.has(offset)).length
    const firstOffset = batch[0]?.offset ?? 0
    const nextOffset = (batch.at(-1)?.offset ?? -1) + 1
    // Never at the end: a replay writes no tombstones.
    const endOffset = Number.MAX_SAFE_INTEGER
    await enricher.onBatch({
      topic,
      partition,
      records: readable,
      firstOffset,
      nextOffset,
      endOffset,
    })
    const results = produced.splice(0).filter(({ source }) => source.offset >= from)
    for (const result of results) comparison.replayed(result)
    await writeInto(tools, partition, results)
    await live.readUntil(nextOffset)
  }
  await live.readUntil(Number.MAX_SAFE_INTEGER)
  return { comparison, records, deadLetters }
}

/** The enriched topic, read as far as the replay is. */
class LiveSide {
  readonly #tools: ReplayTools
  readonly #comparison: Comparison
  readonly #range: ReplayRange
  readonly #stream: RecordStream
  /** Everything up to this raw offset was met, what waited aside. */
  #reached = -1
  #isAtEnd = false

  constructor(tools: ReplayTools, comparison: Comparison, range: ReplayRange) {
    this.#tools = tools
    this.#comparison = comparison
    this.#range = range
    const topic = tools.enrichment.topics.enriched
    this.#stream = new RecordStream(tools.history, { topic, partition: range.partition })
  }

  async readUntil(rawOffset: number): Promise<void> {
    const { decode, decodeKnown } = this.#tools.enrichment
    while (!this.#isAtEnd && this.#reached < rawOffset) {
      const records = await this.#stream.next()
      this.#isAtEnd = records === null
      for (const { value } of records ?? []) {
        if (value === null) continue
        const known = decodeKnown(value)
        this.#meet((known === undefined ? await decode(value) : known.value) as EnrichedMeasurement)
      }
    }
  }

  #meet(record: EnrichedMeasurement): void {
    const { from, to } = this.#range
    const { offset } = record.source
    this.#reached = Math.max(this.#reached, offset)
    if (offset >= from && offset < to) this.#comparison.found(record)
  }
}

/** The enricher itself, without limits, and with its output caught instead of encoded. */
function offlineEnricher(
  enrichment: ReplayTools['enrichment'],
  partition: number,
  produced: EnrichedMeasurement[],
): PartitionEnricher {
  const none = Buffer.alloc(0)
  const limits = {
    ...enrichment.limits,
    parkedMax: Number.MAX_SAFE_INTEGER,
    deadLetterConsecutiveMax: Number.MAX_SAFE_INTEGER,
    deadLetterRatioMax: 1,
    deadLetterRatioWindow: Number.MAX_SAFE_INTEGER,
  }
  const tools: EnrichmentTools = {
    ...enrichment,
    limits,
    encodeEnriched: (record) => {
      produced.push({ ...record, readings: [...record.readings] })
      return none
    },
    encodeDeadLetter: () => none,
  }
  const store = new PartitionStore(limits)
  return new PartitionEnricher({ partition, tools, store, isCaughtUp: false })
}

/** Raw offsets that the enricher refused: a replay leaves them out, so that a device's state is what it was. */
async function refusedOffsets(
  { history, enrichment }: ReplayTools,
  partition: number,
): Promise<ReadonlySet<number>> {
  const { topics, decode } = enrichment
  const offsets = new Set<number>()
  await history.replay({ topic: topics.deadLetters, partition }, async (records) => {
    for (const { value } of records) {
      if (value === null) continue
      const { source_topic: topic, source_offset: offset } = (await decode(value)) as DeadLetter
      if (topic === topics.measurements) offsets.add(offset)
    }
  })
  return offsets
}

async function waitingOffsets(
  { history, enrichment }: ReplayTools,
  partition: number,
): Promise<ReadonlySet<number>> {
  const offsets = new Set<number>()
  await history.replay({ topic: enrichment.topics.state, partition }, (records) => {
    for (const { key, value } of records) {
      const parsed = key === null ? null : parseChangelogKey(key)
      if (parsed?.kind !== 'parked') continue
      if (value === null) offsets.delete(parsed.offset)
      else offsets.add(parsed.offset)
    }
  })
  return offsets
}

async function writeInto(
  { into }: ReplayTools,
  partition: number,
  results: readonly EnrichedMeasurement[],
): Promise<void> {
  if (into === undefined) return
  await write(into, partition, results)
}

/**
 * Corrections of what differs, each with the next revision. What stands in the topic is compared first, so a second run finds
 * the corrections of the first and writes none.
 */
async function writeCorrections(
  { correct, enrichment }: ReplayTools,
  partition: number,
  corrections: readonly EnrichedMeasurement[],
): Promise<number> {
  if (correct === undefined) return 0
  const inOrder = [...corrections].sort((a, b) => a.source.offset - b.source.offset)
  await write({ ...correct, topic: enrichment.topics.enriched }, partition, inOrder)
  return corrections.length
}

async function write(
  { topic, producer, encode }: NonNullable<ReplayTools['into']>,
  partition: number,
  results: readonly EnrichedMeasurement[],
): Promise<void> {
  for (let at = 0; at < results.length; at += recordsPerTransaction) {
    const records = results.slice(at, at + recordsPerTransaction).map((result) => ({
      topic,
      key: Buffer.from(result.device_id),
      value: encode(result),
    }))
    await producer.commit({ partition, records, consumed: null })
  }
}

/** Whether everything that differs was kept, and could be corrected. */
export function isAllKept({ counts }: Pick<ReplayResult, 'counts'>): boolean {
  return counts.different <= differingMax
}
