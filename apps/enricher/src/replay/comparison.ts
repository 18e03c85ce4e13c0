import type { EnrichedMeasurement } from '@faultline/contracts/enriched-measurement'

/** One field of one record that is not the same. */
export interface Difference {
  readonly event_id: string
  readonly device_id: string
  /** Offset in the raw topic. */
  readonly source: string
  readonly field: string
  readonly here: unknown
  readonly there: unknown
}

/** A record that came out differently: what the replay gives, and the revision that stands in the topic. */
export interface Differing {
  readonly here: EnrichedMeasurement
  readonly revision: number
}

export interface ComparisonCounts {
  readonly same: number
  readonly different: number
  /** Given by the replay, but not in the topic; and the other way round. */
  readonly only_here: number
  readonly only_there: number
  /** Same but for what follows from measurements before the first retained record. */
  readonly state_unknown: number
  /** Records that stand in the topic twice, or before an earlier one of their device. */
  readonly out_of_order: number
}

interface ComparisonOptions {
  /** The raw topic does not reach back to its first record. */
  readonly isTruncated: boolean
  /** Raw offsets of measurements that wait for their device: not in the topic yet, and rightly so. */
  readonly waiting: ReadonlySet<number>
  /** Revisions that stand in the topic, of records that a former pass took for the same before it met the correction. */
  readonly latest: ReadonlyMap<string, number>
}

/** Differing records kept to be corrected; more are only counted, so that memory stays bounded. */
export const differingMax = 50_000

/** Fields that depend on the measurements before. */
const stateful = ['fault_score', 'alert_level', 'fault_reasons', 'explanation', 'features'] as const

/**
 * Compares what a replay gives with what stands in the topic, as both come along; only what has not met its counterpart is
 * held. Processing times are not compared, and the highest revision of a record counts.
 */
export class Comparison {
  readonly #options: ComparisonOptions
  readonly #here = new Map<string, EnrichedMeasurement>()
  readonly #there = new Map<string, EnrichedMeasurement>()
  readonly #differing = new Map<string, Differing>()
  readonly #lastOffsets = new Map<string, number>()
  readonly #counts = { same: 0, different: 0, state_unknown: 0, out_of_order: 0 }
  #first: Difference | null = null

  constructor(options: ComparisonOptions) {
    this.#options = options
  }

  replayed(here: EnrichedMeasurement): void {
    const there = this.#there.get(here.event_id)
    if (there === undefined) {
      this.#here.set(here.event_id, here)
      return
    }
    this.#there.delete(here.event_id)
    this.#compare(here, there)
  }

  found(there: EnrichedMeasurement): void {
    const { event_id: id, device_id: deviceId, revision, source } = there
    if (revision === 1) {
      if ((this.#lastOffsets.get(deviceId) ?? -1) >= source.offset) this.#counts.out_of_order++
      this.#lastOffsets.set(deviceId, source.offset)
    }
    if (revision < (this.#options.latest.get(id) ?? 0)) return
    const here = this.#here.get(id)
    const differing = this.#differing.get(id)
    if (here !== undefined) {
      this.#here.delete(id)
      this.#compare(here, there)
    } else if (differing !== undefined) {
      if (revision <= differing.revision) return
      this.#differing.delete(id)
      this.#counts.different--
      if (this.#first?.event_id === id) this.#first = null
      this.#compare(differing.here, there)
    } else if ((this.#there.get(id)?.revision ?? 0) < revision) this.#there.set(id, there)
  }

  /** To be asked when both sides are at their end. */
  result(): {
    counts: ComparisonCounts
    first: Difference | null
    differing: readonly Differing[]
  } {
    for (const [id, { source }] of this.#here) {
      if (this.#options.waiting.has(source.offset)) this.#here.delete(id)
    }
    const [missing] = this.#here.values()
    const [extra] = this.#there.values()
    const [differing] = this.#differing.values()
    return {
      counts: { ...this.#counts, only_here: this.#here.size, only_there: this.#there.size },
      first:
        this.#first ??
        (differing && named(differing.here, 'revision', null, differing.revision)) ??
        (missing && named(missing, 'record', 'present', 'absent')) ??
        (extra && named(extra, 'record', 'absent', 'present')) ??
        null,
      differing: [...this.#differing.values()],
    }
  }

  /** Corrections of records that were the same: to be known by another pass, which compares them instead. */
  lateCorrections(): ReadonlyMap<string, number> {
    const corrections = [...this.#there.values()].filter(({ revision }) => revision > 1)
    return new Map(corrections.map(({ event_id: id, revision }) => [id, revision]))
  }

  #compare(here: EnrichedMeasurement, there: EnrichedMeasurement): void {
    const fields = differentFields(here, there)
    const [field] = fields
    if (field === undefined) {
      this.#counts.same++
      return
    }
    if (this.#isStateUnknown(here, there) && fields.every(isStateful)) {
      this.#counts.state_unknown++
      return
    }
    this.#counts.different++
    this.#first ??= named(here, field, here[field], there[field])
    if (this.#differing.size < differingMax) {
      this.#differing.set(here.event_id, { here, revision: there.revision })
    }
  }

  /** The device has measurements that the topic does not retain. */
  #isStateUnknown(here: EnrichedMeasurement, there: EnrichedMeasurement): boolean {
    if (!this.#options.isTruncated) return false
    return (there.features['events'] ?? 0) > (here.features['events'] ?? 0)
  }
}

function isStateful(field: keyof EnrichedMeasurement): boolean {
  return (stateful as readonly string[]).includes(field)
}

function named(
  record: EnrichedMeasurement,
  field: string,
  here: unknown,
  there: unknown,
): Difference {
  const { event_id, device_id, source } = record
  return { event_id, device_id, source: `${source.partition}:${source.offset}`, field, here, there }
}

/** Fields that differ, processing time and revision aside. NaN is the same as NaN. */
function differentFields(
  here: EnrichedMeasurement,
  there: EnrichedMeasurement,
): (keyof EnrichedMeasurement)[] {
  return (Object.keys(here) as (keyof EnrichedMeasurement)[]).filter(
    (field) =>
      field !== 'enriched_at' && field !== 'revision' && !isSame(here[field], there[field]),
  )
}

function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const keys = Object.keys(a)
  if (keys.length !== Object.keys(b).length) return false
  return keys.every((key) => isSame(a[key as keyof typeof a], b[key as keyof typeof b]))
}
