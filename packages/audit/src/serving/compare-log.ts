import { redisKeys } from '@faultline/contracts/redis-keys'
import type { Difference } from '../report.ts'
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
  const place = new LogPlace(expectation.logs().get(walk.type)?.byPartition(), walk.met)
  const differences = entries.flatMap(([id, flat]) => place.compare(key, id, fieldsOf(flat)))
  const oldest = entries.at(-1)?.[0]
  const isEnd = entries.length < logPageEntries || oldest === undefined
  const next = isEnd ? null : { type: walk.type, before: `(${oldest}`, met: place.met }
  return { differences, entries: entries.length, next }
}

type Fields = Readonly<Record<string, string>>
type Kept = ReadonlyMap<number, readonly Logged[]>

/** Where a walk stands in each partition. */
class LogPlace {
  readonly met: Map<number, number>
  readonly #kept: Kept
  /** Index of the record that comes next. Missing: the walk is below what is kept. */
  readonly #next = new Map<number, number>()

  constructor(kept: Kept = new Map<number, readonly Logged[]>(), met: ReadonlyMap<number, number>) {
    this.#kept = kept
    this.met = new Map(met)
    for (const [partition, logged] of kept) {
      const last = met.get(partition)
      const found = logged.findIndex(({ offset }) => offset === last)
      if (last === undefined || found >= 0) this.#next.set(partition, found + 1)
    }
  }

  compare(key: string, id: string, fields: Fields): Difference[] {
    const partition = this.#partitionOf(fields)
    const kept = this.#kept.get(partition) ?? []
    const place = this.#next.get(partition)
    if (place === undefined && kept.length > 0) return []
    const found = kept.findIndex((logged, i) => i >= (place ?? 0) && isOf(logged, fields))
    const logged = kept[found]
    if (logged === undefined) {
      const isBelow = (place ?? 0) >= kept.length && kept.length > 0
      const actual = JSON.stringify(fields)
      return isBelow ? [] : [redisDifference(key, id, { expected: null, actual })]
    }
    this.#next.set(partition, found + 1)
    this.met.set(partition, logged.offset)
    const missing = kept.slice(place ?? 0, found).map((lost) =>
      redisDifference(key, 'an entry', {
        expected: JSON.stringify(Object.fromEntries(eventTexts(lost.record))),
        actual: null,
        at: `${lost.partition}:${lost.offset}`,
      }),
    )
    const at = `${partition}:${logged.offset}`
    const changed = compareHash(key, eventTexts(logged.record), fields, at)
    return [...missing, ...changed.map((one) => ({ ...one, field: `${id} ${one.field}` }))]
  }

  /** The partition that an entry names; where its next record is another, the one whose next record it is. */
  #partitionOf(fields: Fields): number {
    const named = Number(fields['source_partition'])
    const isNext = (partition: number) => {
      const logged = this.#kept.get(partition)?.[this.#next.get(partition) ?? -1]
      return logged !== undefined && isOf(logged, fields)
    }
    if (isNext(named)) return named
    return [...this.#kept.keys()].find(isNext) ?? named
  }
}

/** Either of two names will do: one of them may be what was changed. */
function isOf({ offset, record }: Logged, fields: Fields): boolean {
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
