import { rankingWindows, redisKeys } from '@faultline/contracts/redis-keys'
import { foldedFields } from '@faultline/contracts/device-summary'
import type { Clock } from '@faultline/runtime/clock'
import { isFaultlineError } from '@faultline/runtime/errors'
import type { RedisClient } from '@faultline/runtime/redis'
import {
  Findings,
  type Difference,
  type OffsetVector,
  type OnCompared,
  type StoreAudit,
} from '../report.ts'
import { compareDevice, deviceCommands } from './compare-device.ts'
import {
  compareLogLength,
  compareLogPage,
  logPageEntries,
  startOfWalk,
  type LogWalk,
} from './compare-log.ts'
import { compareProgress, statedOffsets, wholeReading } from './compare-whole.ts'
import type { ServingExpectation } from './expectation.ts'
import { strayKeys } from './known-keys.ts'
import { redisDifference } from './redis-text.ts'
import {
  indexSet,
  rankingsOf,
  windowSet,
  type ExpectedMember,
  type ExpectedSet,
} from './sorted-sets.ts'

type Command = readonly (string | number)[]

export interface ServingAuditOptions {
  /** The database to be audited: the live one, or a generation that is being built. */
  readonly redis: RedisClient
  readonly expectation: ServingExpectation
  /**
   * Brings the expectation to exactly these next offsets by partition. The offsets of a database only grow.
   * @throws FaultlineError SERVING_STORE_BEHIND where the expectation is beyond them, POSITION_UNKNOWN where the topic ends before
   */
  readonly advance: (offsets: OffsetVector) => Promise<void>
  /** REDIS_WINDOW_EVENTS_MAX of the consumer. */
  readonly windowEventsMax: number
  /** Differences that are reported with their values; the others are counted. */
  readonly differencesMax?: number
  readonly onCompared?: OnCompared
  /** Called between two readings, where a slower audit is wanted. */
  readonly pace?: () => Promise<void>
  readonly clock: Clock
  readonly signal?: AbortSignal
}

/** Devices, members and keys of one reading: Redis serves nobody else meanwhile, about a millisecond. */
const devicesPerReading = 20
const membersPerReading = 500
/** A difference is named when it is still there at the last of so many readings: windows may be emptied a moment later. */
const readings = 6
const againAfterMs = 100

/**
 * Compares every structure of a serving database with what the topic says, at the offsets that the database itself states. It is
 * read in small pieces, each in one step with `faultline:progress`, so each piece has its own offsets, and the expectation is
 * brought to them before it is compared. Nothing is written.
 * @throws FaultlineError SERVING_STORE_UNAVAILABLE, SERVING_STORE_BEHIND, and what `advance` throws
 */
export async function auditServing(options: ServingAuditOptions): Promise<StoreAudit> {
  return await new ServingAudit(options).run()
}

/** A piece of the database: what is read, and what is wrong with it. `again`: the topic moved on, other keys must be read. */
interface Piece {
  readonly commands: readonly Command[]
  readonly compare: (replies: readonly unknown[]) => readonly Difference[] | 'again'
}

class ServingAudit {
  readonly #options: ServingAuditOptions
  readonly #findings: Findings
  #offsets: OffsetVector = new Map()
  /** Redis states an offset that the topic does not have: nothing can be held against anything. */
  #isBeyond = false

  constructor(options: ServingAuditOptions) {
    this.#options = options
    this.#findings = new Findings(options.differencesMax ?? 20, options.onCompared)
  }

  async run(): Promise<StoreAudit> {
    const { expectation } = this.#options
    await this.#progress()
    if (this.#isBeyond) return this.#findings.audit(this.#offsets)
    expectation.prune()
    if (!expectation.isWhole) this.#findings.notCompared(lostBeginning)
    await this.#whole()
    await this.#devices()
    for (const scope of [...expectation.clocks().keys()]) {
      const windows = rankingWindows.map((window) => windowSet(expectation, scope, window))
      for (const set of [...rankingsOf(expectation, scope), ...windows]) {
        await this.#sortedSets([set])
      }
    }
    for (const type of [...expectation.logs().keys()]) await this.#log(type)
    await this.#keys()
    await this.#progress()
    return this.#findings.audit(this.#offsets)
  }

  async #progress(): Promise<void> {
    await this.#check(() => ({
      commands: [['hgetall', redisKeys.progress]],
      compare: ([progress]) => compareProgress(this.#options.expectation, progress),
    }))
  }

  async #whole(): Promise<void> {
    const { expectation, windowEventsMax } = this.#options
    await this.#check(() => {
      const scopes = [...expectation.clocks().keys()]
      const reading = wholeReading(scopes, windowEventsMax)
      return {
        commands: reading.commands,
        compare: (replies) => reading.compare(expectation, replies),
      }
    })
    const types = expectation.fleets().size
    this.#findings.compared('types', types)
  }

  async #devices(): Promise<void> {
    const { expectation } = this.#options
    const ids = expectation.deviceIds()
    for (let start = 0; start < ids.length; start += devicesPerReading) {
      const some = ids.slice(start, start + devicesPerReading)
      await this.#check(() => devicesPiece(expectation, some))
      await this.#sortedSets(some.map((id) => indexSet(expectation, id)))
      this.#findings.compared('devices', some.length)
    }
  }

  /** The first page of several sets at once, the rest of each by itself. */
  async #sortedSets(sets: readonly ExpectedSet[]): Promise<void> {
    const pages = await this.#pages(sets.map((set) => ({ set, cursor: '0' })))
    for (const [i, set] of sets.entries()) {
      let page = pages[i]
      while (page !== undefined && page.cursor !== '0') {
        ;[page] = await this.#pages([{ set, cursor: page.cursor }])
      }
      if (page?.isShort === true && set.members !== undefined) {
        await this.#missingMembers(set.key, set.members)
      }
    }
  }

  async #pages(from: readonly PageStart[]): Promise<readonly SetPage[]> {
    let pages: readonly SetPage[] = []
    await this.#check(() => ({
      commands: from.flatMap(({ set, cursor }): Command[] => [
        ['zscan', set.key, cursor, 'COUNT', membersPerReading],
        ['zcard', set.key],
      ]),
      compare: (replies) => {
        pages = from.map(({ set }, i) => judgePage(set, replies[2 * i], replies[2 * i + 1]))
        return pages.flatMap(({ differences }) => differences)
      },
    }))
    this.#findings.compared(
      'members',
      pages.reduce((sum, { members }) => sum + members, 0),
    )
    return pages
  }

  async #missingMembers(key: string, members: () => Iterable<ExpectedMember>): Promise<void> {
    const expected = [...members()]
    for (let start = 0; start < expected.length; start += membersPerReading) {
      const some = expected.slice(start, start + membersPerReading)
      await this.#check(() => ({
        commands: [['zmscore', key, ...some.map(({ member }) => member)]],
        compare: ([reply]) => {
          const scores: readonly unknown[] = Array.isArray(reply) ? reply : []
          const missing = some.filter((_, i) => (scores[i] ?? null) === null)
          if (missing.length === 0) return []
          // Time goes on: what has left the window since need not be there.
          const due = new Set([...members()].map(({ member }) => member))
          return missing
            .filter(({ member }) => due.has(member))
            .map(({ member, score }) =>
              redisDifference(key, member, { expected: String(score), actual: null }),
            )
        },
      }))
    }
  }

  async #log(type: string): Promise<void> {
    const { expectation } = this.#options
    const key = redisKeys.enrichedEvents(type)
    await this.#check(() => ({
      commands: [['xlen', key]],
      compare: ([length]) => compareLogLength(expectation, type, length),
    }))
    let walk: LogWalk | null = startOfWalk(type)
    while (walk !== null) {
      const from: LogWalk = walk
      let next: LogWalk | null = null
      let entries = 0
      await this.#check(() => ({
        commands: [['xrevrange', key, from.before, '-', 'COUNT', logPageEntries]],
        compare: ([reply]) => {
          const page = compareLogPage(expectation, from, reply)
          next = page.next
          entries = page.entries
          return page.differences
        },
      }))
      this.#findings.compared('log entries', entries)
      walk = next
    }
  }

  async #keys(): Promise<void> {
    const { expectation } = this.#options
    let cursor = '0'
    do {
      const page = { cursor: '0', keys: 0 }
      await this.#check(() => ({
        commands: [['scan', cursor, 'COUNT', membersPerReading]],
        compare: ([reply]) => {
          const [next, keys] = reply as [string, readonly string[]]
          page.cursor = next
          page.keys = keys.length
          const stray = strayKeys(expectation, keys)
          const isLost = stray.length > 0 && expectation.offsets().size === 0
          return isLost ? [noProgress, ...stray] : stray
        },
      }))
      this.#findings.compared('keys', page.keys)
      cursor = page.cursor
    } while (cursor !== '0')
  }

  /** Reads and compares until nothing differs, and names what differs in the end. */
  async #check(build: () => Piece): Promise<void> {
    for (let reading = 1; ; reading += 1) {
      const found = await this.#compare(build())
      if (found !== 'again' && (found.length === 0 || reading === readings)) {
        this.#findings.add(found)
        return
      }
      if (reading === readings) return
      const { clock, signal } = this.#options
      await clock.sleep(againAfterMs, signal)
    }
  }

  async #compare({ commands, compare }: Piece): Promise<readonly Difference[] | 'again'> {
    const { redis, expectation, advance, pace, signal } = this.#options
    signal?.throwIfAborted()
    await pace?.()
    const [progress, ...replies] = await redis.readAtomically('an audit', [
      ['hgetall', redisKeys.progress],
      ...commands,
    ])
    const offsets = statedOffsets(progress)
    try {
      await advance(offsets)
    } catch (error) {
      if (!isFaultlineError(error, 'POSITION_UNKNOWN')) throw error
      this.#isBeyond = true
      return [beyondTopic(error.context, offsets)]
    }
    this.#offsets = offsets
    const found = compare(replies)
    if (found === 'again') return found
    return expectation.isWhole ? found : found.filter(followsFromTheRest)
  }
}

/** Something was applied, and nothing says how far. */
const noProgress = redisDifference(redisKeys.progress, '', { expected: 'a hash', actual: null })

const lostBeginning =
  'The topic no longer holds its beginning: totals, live rankings, fleets and whatever Redis holds beyond the topic were not compared.'

const totals: readonly string[] = foldedFields

/** Whether a difference is one although the beginning of the topic is gone. */
function followsFromTheRest({ key, field, expected }: Difference): boolean {
  if (expected === null || totals.includes(field) || field === 'length') return false
  const counted = [redisKeys.fleetSummary(''), redisKeys.windowClock('')]
  if (counted.some((prefix) => key.startsWith(prefix))) return false
  return !key.startsWith(redisKeys.topFaults(''))
}

function devicesPiece(expectation: ServingExpectation, ids: readonly string[]): Piece {
  const read = ids.flatMap((id) => {
    const device = expectation.device(id)
    return device === undefined ? [] : [{ id, type: device.type }]
  })
  const commands = read.map(({ id, type }) => deviceCommands(id, type))
  return {
    commands: commands.flat(),
    compare: (replies) => {
      const moved = read.some(({ id, type }) => (expectation.device(id)?.type ?? type) !== type)
      if (moved) return 'again'
      let start = 0
      return read.flatMap(({ id }, i) => {
        const end = start + (commands[i]?.length ?? 0)
        const own = replies.slice(start, end)
        start = end
        return compareDevice(expectation, id, own)
      })
    },
  }
}

interface PageStart {
  readonly set: ExpectedSet
  readonly cursor: string
}

interface SetPage {
  readonly cursor: string
  readonly members: number
  readonly differences: readonly Difference[]
  /** The set has fewer members than it must have. */
  readonly isShort: boolean
}

function judgePage(set: ExpectedSet, reply: unknown, card: unknown): SetPage {
  if (!Array.isArray(reply)) {
    const values = { expected: 'a sorted set', actual: String(reply) }
    const differences = [redisDifference(set.key, '', values)]
    return { cursor: '0', members: 0, differences, isShort: false }
  }
  const [cursor, flat] = reply as [string, readonly string[]]
  const differences: Difference[] = []
  for (let i = 0; i < flat.length; i += 2) {
    differences.push(...set.judge(flat[i] ?? '', flat[i + 1] ?? ''))
  }
  const isLast = cursor === '0'
  const isShort = isLast && set.members !== undefined && Number(card) < count(set.members())
  return { cursor, members: flat.length / 2, differences, isShort }
}

function beyondTopic(
  context: Readonly<Record<string, unknown>>,
  offsets: OffsetVector,
): Difference {
  const partition = Number(context['partition'])
  return redisDifference(redisKeys.progress, String(partition), {
    expected: `at most ${String(context['end'])}`,
    actual: String(offsets.get(partition)),
  })
}

function count(items: Iterable<unknown>): number {
  const iterator = items[Symbol.iterator]()
  let total = 0
  while (iterator.next().done !== true) total += 1
  return total
}
