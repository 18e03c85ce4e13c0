import type { DeviceEvent } from '@faultline/contracts/device-summary'
import { allTypes } from '@faultline/contracts/redis-keys'
import { asOfBody, isoTime } from '../http/as-of.ts'
import { oldestOf, type Progress, type Reading } from '../ports/progress.ts'
import type { ServingReader, StreamedEvent, StreamedEvents } from '../ports/serving-reader.ts'
import { fleetBody, readRanking } from '../ranking.ts'
import { eventBody, type DeviceEventBody } from '../schemas/device.ts'

const rankingLimit = 50
const eventsPerTurn = 200
/** Types beyond this many are ranked by GET /api/faults/top only. */
const liveTypesMax = 32

/** What one turn found, by the name of its server-sent event; a part that did not change is absent. */
export interface LiveChanges {
  readonly progress?: unknown
  readonly fleet?: unknown
  /** One a scope. */
  readonly rankings: readonly { readonly scope: string; readonly data: unknown }[]
  readonly devices?: unknown
}

/** Where the reading of a type's stream goes on. */
interface Place {
  readonly id: string
  readonly generation: string | null
  /** The newest offset told, by partition: what holds also where another generation has taken the place of this one. */
  readonly told: ReadonlyMap<number, number>
}

type ChangedDevice = DeviceEventBody & { readonly type: string }

/**
 * Reads the serving store for all clients at once and tells what changed since the turn before. Its cost does not depend on
 * the number of clients, nor on the rate of measurements: beyond 200 a turn and type, the newest are shown.
 */
export class LiveReader {
  readonly #serving: ServingReader
  /** Per type, the place in its stream; per part, a digest of what was last told. Both bounded by liveTypesMax. */
  readonly #places = new Map<string, Place>()
  readonly #told = new Map<string, string>()

  constructor(serving: ServingReader) {
    this.#serving = serving
  }

  /** Forgets what was told, so that the next turn tells everything. */
  startOver(): void {
    this.#places.clear()
    this.#told.clear()
  }

  async turn(nowMs: number): Promise<LiveChanges> {
    const isFirst = !this.#told.has('progress')
    const progress = await this.#serving.progress()
    if (!this.#isNew('progress', JSON.stringify(progress))) return { rankings: [] }
    const fleet = await this.#serving.fleet()
    const types = fleet.value.slice(0, liveTypesMax).map(({ type }) => type)
    const [rankings, devices] = await Promise.all([
      this.#rankings([allTypes, ...types], nowMs),
      this.#devices(types),
    ])
    const at = isFirst ? (newestCommit(devices.value) ?? nowMs) : nowMs
    const fleetData = { types: fleet.value.map(fleetBody), as_of: asOfBody(fleet.progress) }
    return {
      progress: { at: isoTime(at), as_of: asOfBody(progress) },
      ...(this.#isNew('fleet', JSON.stringify(fleet.value)) ? { fleet: fleetData } : {}),
      rankings,
      ...(devices.value.length === 0
        ? {}
        : { devices: { devices: devices.value, as_of: asOfBody(devices.progress) } }),
    }
  }

  async #rankings(scopes: readonly string[], nowMs: number): Promise<LiveChanges['rankings']> {
    const told = []
    for (const scope of scopes) {
      const question = { scope, window: 'live', limit: rankingLimit } as const
      const ranking = await readRanking(this.#serving, question, nowMs)
      const contents = ranking.devices.map((device) => [device.score, device.last_measured_at])
      if (!this.#isNew(`ranking:${scope}`, JSON.stringify(contents))) continue
      const data = {
        type: scope,
        window: 'live',
        at: isoTime(ranking.atMs),
        half_life_ms: ranking.halfLifeMs,
        devices: ranking.devices,
        count: ranking.devices.length,
        as_of: asOfBody(ranking.progress),
      }
      told.push({ scope, data })
    }
    return told
  }

  /** The newest event of each device that had one, so that a device that reports often is told once a turn. */
  async #devices(types: readonly string[]): Promise<Reading<readonly ChangedDevice[]>> {
    const newest = new Map<string, ChangedDevice>()
    const readings: Progress[] = []
    for (const type of types) {
      const { value, progress } = await this.#newEvents(type)
      readings.push(progress)
      for (const { id, event } of value) {
        newest.set(event.device_id, { type, ...eventBody(id, event) })
      }
    }
    const [first = [], ...others] = readings
    return { value: [...newest.values()], progress: oldestOf(first, ...others) }
  }

  async #newEvents(type: string): Promise<Reading<readonly StreamedEvent[]>> {
    const place = this.#places.get(type)
    const after = place?.id ?? null
    const first = await this.#serving.events(type, { after, limit: eventsPerTurn })
    const read = canGoOn(place, first.value)
      ? first
      : await this.#serving.events(type, { after: null, limit: eventsPerTurn })
    const events = read.value?.events ?? []
    const last = events.at(-1)
    if (read.value === null || last === undefined) return { value: [], progress: read.progress }
    const told = new Map(place?.told)
    const unseen = events.filter(({ event }) => isUnseen(told, event))
    for (const { event } of unseen) told.set(event.source_partition, event.enriched_offset)
    this.#places.set(type, { id: last.id, generation: read.value.generation, told })
    return { value: unseen, progress: read.progress }
  }

  #isNew(part: string, contents: string): boolean {
    if (this.#told.get(part) === contents) return false
    this.#told.set(part, contents)
    return true
  }
}

/** Whether what was read after a place is all that came since. Ids of one generation mean nothing in another. */
function canGoOn(place: Place | undefined, found: StreamedEvents | null): boolean {
  if (place === undefined || found === null) return true
  return found.generation === place.generation && found.events.length < eventsPerTurn
}

/** A measurement is in the same partition of the enriched topic as of the raw one, and there in the order in which it is told. */
function isUnseen(told: ReadonlyMap<number, number>, event: DeviceEvent): boolean {
  return event.enriched_offset > (told.get(event.source_partition) ?? -1)
}

/**
 * How old the newest of these is, epoch ms: what a first look has to go by, because nobody watched when the store changed.
 */
function newestCommit(devices: readonly ChangedDevice[]): number | null {
  const commits = devices.map(({ committed_at }) => Date.parse(committed_at))
  return commits.length === 0 ? null : Math.max(...commits)
}
