import type { PartitionRange, TopicHistory } from '@faultline/runtime/kafka'
import { toChange, type Change } from '../change/change.ts'
import { IdSet } from './id-set.ts'

export interface TopicReader {
  readonly history: TopicHistory
  readonly decode: (value: Buffer) => Promise<unknown>
  readonly partitionsOf: (topic: string) => Promise<readonly number[]>
}

/** Rows of a topic of measurements, by id. */
export interface CapturedRows {
  readonly ids: IdSet
  /** Rows with smaller ids may have been captured and left the topic since: nothing is known of them. */
  readonly floor: number
  /** The next offset of each partition. */
  readonly ends: ReadonlyMap<number, number>
}

/** Reads which rows the raw topic holds, all of it or from the given offsets on. */
export async function readCaptured(
  { history, decode, partitionsOf }: TopicReader,
  topic: string,
  from: ReadonlyMap<number, number> = new Map(),
): Promise<CapturedRows> {
  const ids = new IdSet()
  const ends = new Map<number, number>()
  let floor = 0
  for (const partition of await partitionsOf(topic)) {
    const { first, end } = await history.bounds(topic, partition)
    ends.set(partition, end)
    let isFirst = true
    await forEach(history, { topic, partition, from: from.get(partition) ?? 0 }, async (value) => {
      const id = toChange(await decode(value))?.after?.['id']
      if (typeof id !== 'number') return
      if (isFirst && first > 0) floor = Math.max(floor, id)
      isFirst = false
      ids.add(id)
    })
  }
  return { ids, floor, ends }
}

/** The rows that a small table has according to its topic, by key, each as it was captured last. */
export async function readTable(
  { history, decode }: TopicReader,
  topic: string,
  key: string,
): Promise<ReadonlyMap<string, Readonly<Record<string, unknown>>>> {
  const rows = new Map<string, Readonly<Record<string, unknown>>>()
  const remove = (row: Change['before']) => rows.delete(String(row?.[key]))
  await forEach(history, { topic, partition: 0 }, async (value) => {
    const change = toChange(await decode(value))
    if (change === null) return
    if (change.op === 't') rows.clear()
    if (change.op === 'd') remove(change.before)
    if (change.after !== null) rows.set(String(change.after[key]), change.after)
  })
  return rows
}

/** Hands over the values one after the other; reading waits for that. */
async function forEach(
  history: TopicHistory,
  range: PartitionRange,
  take: (value: Buffer) => Promise<void>,
): Promise<void> {
  await history.replay(range, async (records) => {
    for (const { value } of records) if (value !== null) await take(value)
  })
}
