import { redisKeys } from '@faultline/contracts/redis-keys'
import type { Difference, OffsetVector } from '../report.ts'
import type { Logged } from './event-log.ts'
import type { ServingExpectation } from './expectation.ts'
import { compareHash, redisDifference } from './redis-text.ts'
import { eventTexts } from './written-text.ts'

/** An entry of a stream as XREVRANGE answers it. */
type Entry = readonly [id: string, fields: readonly string[]]

/** How far a walk through the log of a type has come, newest first. */
export interface LogWalk {
  readonly type: string
  /** `(id` of the oldest entry seen; `+` at the beginning. */
  readonly before: string
  /** By partition, the offset that was met last. */
  readonly met: ReadonlyMap<number, number>
  /** The offsets stated when it began: what came later stands before its beginning. Absent at the beginning. */
  readonly below?: OffsetVector
}

export interface LogPage {
  readonly differences: readonly Difference[]
  readonly entries: number
  /** null: the beginning of the log was reached. */
  readonly next: LogWalk | null
}

export const logPageEntries = 100

export function startOfWalk(type: string): LogWalk {
  return { type, before: '+', met: new Map() }
}

/**
 * Compares a page of a log. Per partition its entries are the newest records of the type, none left out, down to where the log
 * was trimmed. Walking backwards, neither new entries nor the trimming get in the way.
 */
export function compareLogPage(
  expectation: ServingExpectation,
  walk: LogWalk,
  reply: unknown,
): LogPage {
  const key = redisKeys.enrichedEvents(walk.type)
  if (!Array.isArray(reply)) {
    const differences = [redisDifference(key, '', { expected: 'a stream', actual: String(reply) })]
    return { differences, entries: 0, next: null }
  }
  const entries = reply as readonly Entry[]
  const below = walk.below ?? expectation.offsets()
  const kept = expectation.logs().get(walk.type)?.byPartition() ?? new Map<number, Logged[]>()
  const place = new LogPlace(keptBelow(kept, below), walk.met)
  const differences = entries.flatMap(([id, flat]) => place.compare(key, id, fieldsOf(flat)))
  const oldest = entries.at(-1)?.[0]
  if (entries.length === logPageEntries && oldest !== undefined) {
    const next = { type: walk.type, before: `(${oldest}`, met: place.met, below }
    return { differences, entries: entries.length, next }
  }
  const total = expectation.logs().get(walk.type)?.total ?? 0
  const isTrimmed = total > expectation.settings.streamEventsMax
  const missing = isTrimmed ? [] : place.missingAtBeginning(key)
  return { differences: [...differences, ...missing], entries: entries.length, next: null }
}

type Fields = Readonly<Record<string, string>>
type Kept = ReadonlyMap<number, readonly Logged[]>

function keptBelow(kept: Kept, below: OffsetVector): Kept {
  const records = [...kept].map(([partition, logged]) => {
    const first = placeBelow(logged, below.get(partition) ?? 0)
    return [partition, first === 0 ? logged : logged.slice(first)] as const
  })
  return new Map(records.filter(([, logged]) => logged.length > 0))
}

/** The place of the first record below an offset, of records with the newest first. */
function placeBelow(logged: readonly Logged[], offset: number): number {
  let [low, high] = [0, logged.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((logged[middle]?.offset ?? -1) < offset) high = middle
    else low = middle + 1
  }
  return low
}

/** Where a walk stands in each partition. */
class LogPlace {
  readonly met: Map<number, number>
  readonly #kept: Kept
  /** Index of the record that comes next. Missing: the walk is below what is kept. */
  readonly #next = new Map<number, number>()

  constructor(kept: Kept, met: ReadonlyMap<number, number>) {
    this.#kept = kept
    this.met = new Map(met)
    for (const [partition, logged] of kept) {
      const last = met.get(partition)
      const next = last === undefined ? 0 : placeBelow(logged, last)
      const isKept = last === undefined || logged[next - 1]?.offset === last
      if (isKept) this.#next.set(partition, next)
    }
  }

  compare(key: string, id: string, fields: Fields): Difference[] {
    const partition = this.#partitionOf(fields)
    const kept = this.#kept.get(partition) ?? []
    const place = this.#next.get(partition)
    if (place === undefined && kept.length > 0) return []
    let found = place ?? 0
    while (found < kept.length && !isOf(kept[found], fields)) found += 1
    const logged = kept[found]
    if (logged === undefined) {
      const isBelow = (place ?? 0) >= kept.length && kept.length > 0
      const actual = JSON.stringify(fields)
      return isBelow ? [] : [redisDifference(key, id, { expected: null, actual })]
    }
    this.#next.set(partition, found + 1)
    this.met.set(partition, logged.offset)
    const missing = kept.slice(place ?? 0, found).map((lost) => missingEntry(key, lost))
    const at = `${partition}:${logged.offset}`
    const changed = compareHash(key, eventTexts(logged.record), fields, at)
    return [...missing, ...changed.map((one) => ({ ...one, field: `${id} ${one.field}` }))]
  }

  /** What must still come where the log was never trimmed. */
  missingAtBeginning(key: string): Difference[] {
    return [...this.#kept].flatMap(([partition, logged]) =>
      logged.slice(this.#next.get(partition) ?? 0).map((lost) => missingEntry(key, lost)),
    )
  }

  /** The partition whose next record an entry is; where there is none, one in which it comes later. */
  #partitionOf(fields: Fields): number {
    const named = Number(fields['source_partition'])
    const isNext = (partition: number) =>
      isOf(this.#kept.get(partition)?.[this.#next.get(partition) ?? -1], fields)
    const isAhead = (partition: number) => {
      const ahead = this.#kept.get(partition)?.slice(this.#next.get(partition)) ?? []
      return ahead.some((logged) => isOf(logged, fields))
    }
    const partitions = [named, ...this.#kept.keys()]
    return partitions.find(isNext) ?? partitions.find(isAhead) ?? named
  }
}

function missingEntry(key: string, { partition, offset, record }: Logged): Difference {
  const expected = JSON.stringify(Object.fromEntries(eventTexts(record)))
  return redisDifference(key, 'an entry', { expected, actual: null, at: `${partition}:${offset}` })
}

/** Either of two names will do: one of them may be what was changed. */
function isOf(logged: Logged | undefined, fields: Fields): boolean {
  if (logged === undefined) return false
  const { offset, record } = logged
  return (
    fields['event_id'] === record.last_event_id ||
    (fields['enriched_offset'] === String(offset) && fields['device_id'] === record.device_id)
  )
}

/** A log holds every record of its type, or, once trimmed, no fewer than the setting says. */
export function compareLogLength(
  expectation: ServingExpectation,
  type: string,
  reply: unknown,
): Difference[] {
  const total = expectation.logs().get(type)?.total ?? 0
  const least = Math.min(total, expectation.settings.streamEventsMax)
  if (reply instanceof Error || (Number(reply) >= least && Number(reply) <= total)) return []
  return [
    redisDifference(redisKeys.enrichedEvents(type), 'length', {
      expected: least === total ? String(total) : `at least ${least}`,
      actual: JSON.stringify(reply),
    }),
  ]
}

function fieldsOf(flat: readonly string[]): Fields {
  const fields: Record<string, string> = {}
  for (let i = 0; i < flat.length; i += 2) fields[flat[i] ?? ''] = flat[i + 1] ?? ''
  return fields
}
