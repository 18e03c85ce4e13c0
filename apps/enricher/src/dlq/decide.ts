import { replayHeaders, type DeadLetterDecision } from '@faultline/contracts/dead-letter'
import { FaultlineError, isFaultlineError } from '@faultline/runtime/errors'
import type {
  OutputRecord,
  TransactionalProducer,
  TransactionalProducers,
} from '@faultline/runtime/kafka'
import type { Encode } from '@faultline/runtime/registry'
import { letterId, type Letter, type LetterBook, type LetterContent } from './letter-book.ts'

export interface DecideOptions {
  readonly book: LetterBook
  readonly producers: TransactionalProducers
  readonly encodeDecision: Encode<DeadLetterDecision>
  readonly topics: { readonly measurements: string; readonly decisions: string }
  readonly now: () => number
}

/** Letters of one transaction, and their bytes, which are in memory at once. */
const lettersPerTransaction = 500
const bytesPerTransaction = 16_000_000
/** A transaction whose end is unknown is looked up and, where it did not happen, tried again. */
const triesMax = 5

interface Decided {
  /** Decided now. */
  readonly done: number
  /** Decided before. */
  readonly already: number
}

/**
 * Decides about letters of one partition. A replay writes the original record to the raw topic in one transaction with the
 * decision, so whatever is killed, a letter is replayed once; run again, it goes on with what is left. Opening the producer
 * fences another operator's, or ends a transaction of a former run, before the decisions are read.
 */
export async function decide(
  options: DecideOptions,
  letters: readonly Letter[],
  decision: DeadLetterDecision['decision'],
): Promise<Decided> {
  const partition = letters[0]?.partition
  if (partition === undefined) return { done: 0, already: 0 }
  const mine = new Set<number>()
  for (let tries = 1; ; tries++) {
    const producer = await options.producers.open(`faultline-dlq-${partition}`)
    try {
      const decided = await options.book.decisions(partition)
      const left = letters.filter(({ offset }) => !decided.has(offset))
      for (const group of groups(inOriginalOrder(left))) {
        for (const { offset } of group) mine.add(offset)
        await commit(options, producer, { partition, group, decision })
      }
      // Of those found decided, some may be this run's: a commit of which the reply was lost.
      const before = letters.filter(({ offset }) => decided.has(offset) && !mine.has(offset)).length
      return { done: letters.length - before, already: before }
    } catch (error) {
      if (!isFaultlineError(error, 'TRANSACTION_ABORTED') || tries >= triesMax)
        throw explained(error)
    } finally {
      await producer.close()
    }
  }
}

interface Step {
  readonly partition: number
  readonly group: readonly Letter[]
  readonly decision: DeadLetterDecision['decision']
}

async function commit(
  options: DecideOptions,
  producer: TransactionalProducer,
  { partition, group, decision }: Step,
): Promise<void> {
  const { topics, encodeDecision, now } = options
  const records: OutputRecord[] =
    decision === 'discarded'
      ? []
      : (await contents(options.book, group)).map(originalRecord(topics))
  for (const { offset } of group) {
    const value = encodeDecision({ partition, offset, decision, decided_at: now() })
    const key = Buffer.from(letterId({ partition, offset }))
    records.push({ topic: topics.decisions, key, value })
  }
  await producer.commit({ partition, records, consumed: null })
}

function originalRecord(topics: DecideOptions['topics']) {
  return ({ letter, key, value }: LetterContent): OutputRecord => {
    const { source_topic: topic, source_partition: source } = letter
    if (topic !== topics.measurements || source !== letter.partition) {
      throw new FaultlineError(
        'ARGUMENT_INVALID',
        `letter ${letterId(letter)} came from ${topic}/${source}, which is not read as measurements here`,
        { remedy: 'Set TOPIC_MEASUREMENTS to that topic, or leave the letter out.' },
      )
    }
    const headers = {
      [replayHeaders.letter]: letterId(letter),
      [replayHeaders.attempts]: String(letter.attempts),
    }
    return { topic, key, value, headers }
  }
}

/** The bytes of some letters, in the order given. */
async function contents(book: LetterBook, group: readonly Letter[]): Promise<LetterContent[]> {
  const offsets = group.map(({ offset }) => offset)
  const wanted = new Set(offsets)
  const found = new Map<number, LetterContent>()
  const range = { from: Math.min(...offsets), to: Math.max(...offsets) + 1 }
  await book.each(
    group[0]?.partition ?? 0,
    (content) => {
      if (wanted.has(content.letter.offset)) found.set(content.letter.offset, content)
    },
    range,
  )
  return offsets.map((offset) => {
    const content = found.get(offset)
    if (content === undefined) throw new Error(`letter ${offset} is gone`)
    return content
  })
}

/** As they came: a letter of a measurement that waited is written later than those behind it. */
function inOriginalOrder(letters: readonly Letter[]): Letter[] {
  return [...letters].sort((a, b) => a.source_offset - b.source_offset || a.offset - b.offset)
}

function* groups(letters: readonly Letter[]): Generator<readonly Letter[]> {
  let group: Letter[] = []
  let bytes = 0
  for (const letter of letters) {
    const isFull =
      group.length >= lettersPerTransaction || bytes + letter.bytes > bytesPerTransaction
    if (group.length > 0 && isFull) {
      yield group
      group = []
      bytes = 0
    }
    group.push(letter)
    bytes += letter.bytes
  }
  if (group.length > 0) yield group
}

function explained(error: unknown): unknown {
  if (!isFaultlineError(error, 'PRODUCER_FENCED')) return error
  return new FaultlineError(
    'PRODUCER_FENCED',
    'somebody else decides about the same dead letters',
    {
      cause: error,
      remedy: 'Wait until that is done, then run this again: it goes on with what is left.',
    },
  )
}
