/** An event that counts in the sliding windows of a scope. */
export interface ScopeEvent {
  readonly id: string
  readonly units: number
  readonly deviceId: string
  /** Epoch ms. */
  readonly measuredAt: number
  /** One bit a window of the scope that holds it. */
  heldBy: number
}

interface Bucket {
  events: ScopeEvent[]
  /** Events before this place are taken out. */
  head: number
  isSorted: boolean
}

const bucketsPerWindow = 1_024
/** Removed events that may stay in the buckets before they are swept. */
const removedMax = 10_000

/** The member of the event in the window's set: what Redis orders events of one instant by. */
export const memberOf = ({ id, units, deviceId }: ScopeEvent): string =>
  `${id}:${units}:${deviceId}`

const byAge = (one: ScopeEvent, other: ScopeEvent): number =>
  one.measuredAt - other.measuredAt || (memberOf(one) < memberOf(other) ? -1 : 1)

/**
 * A sliding window of a scope in memory: `faultline:window_events` and the sums of `top_faults`. Events lie in buckets of time,
 * so that adding one, and taking the oldest out, costs the same however many are held.
 */
export class FaultWindow {
  readonly lengthMs: number
  /** Sum of units by device. */
  readonly sums = new Map<string, number>()
  readonly #bit: number
  readonly #bucketMs: number
  readonly #buckets = new Map<number, Bucket>()
  #oldest = Infinity
  #size = 0
  #removed = 0

  constructor(lengthMs: number, bit: number) {
    this.lengthMs = lengthMs
    this.#bit = bit
    this.#bucketMs = Math.ceil(lengthMs / bucketsPerWindow)
  }

  get size(): number {
    return this.#size
  }

  add(event: ScopeEvent): void {
    event.heldBy |= this.#bit
    this.#size += 1
    this.sums.set(event.deviceId, (this.sums.get(event.deviceId) ?? 0) + event.units)
    const place = Math.floor(event.measuredAt / this.#bucketMs)
    const bucket = this.#buckets.get(place)
    if (bucket === undefined) {
      this.#buckets.set(place, { events: [event], head: 0, isSorted: true })
      this.#oldest = Math.min(this.#oldest, place)
      return
    }
    const last = bucket.events.at(-1)
    if (last !== undefined && byAge(last, event) > 0) bucket.isSorted = false
    bucket.events.push(event)
  }

  /** Takes the event out, if it is held; the device's sum stays. True where it was held. */
  remove(event: ScopeEvent): boolean {
    if ((event.heldBy & this.#bit) === 0) return false
    event.heldBy &= ~this.#bit
    this.#size -= 1
    this.#removed += 1
    if (this.#removed > removedMax + this.#size) this.#sweep()
    return true
  }

  /** Takes units off a device's sum; a sum that reaches nothing is no longer ranked. */
  subtract(deviceId: string, units: number): void {
    const left = (this.sums.get(deviceId) ?? 0) - units
    if (left > 0) this.sums.set(deviceId, left)
    else this.sums.delete(deviceId)
  }

  /** Takes out what lies at or before `untilMs`, then the oldest above `max`. Returns how many of the latter there were. */
  shrink(untilMs: number, max: number, onTakenOut: (event: ScopeEvent) => void): number {
    this.#popWhile((event) => event.measuredAt <= untilMs, onTakenOut)
    const dropped = Math.max(0, this.#size - max)
    this.#popWhile(() => this.#size > max, onTakenOut)
    return dropped
  }

  /** What is held, in no order. */
  *events(): Generator<ScopeEvent> {
    for (const { events, head } of this.#buckets.values()) {
      for (let i = head; i < events.length; i += 1) {
        const event = events[i]
        if (event !== undefined && (event.heldBy & this.#bit) !== 0) yield event
      }
    }
  }

  #popWhile(isDue: (event: ScopeEvent) => boolean, onTakenOut: (event: ScopeEvent) => void): void {
    for (let bucket = this.#first(); bucket !== undefined; bucket = this.#first()) {
      for (; bucket.head < bucket.events.length; bucket.head += 1) {
        const event = bucket.events[bucket.head]
        if (event === undefined || (event.heldBy & this.#bit) === 0) {
          this.#removed -= 1
          continue
        }
        if (!isDue(event)) return
        event.heldBy &= ~this.#bit
        this.#size -= 1
        this.subtract(event.deviceId, event.units)
        onTakenOut(event)
      }
      this.#buckets.delete(this.#oldest)
      this.#oldest = Math.min(...this.#buckets.keys())
    }
  }

  #first(): Bucket | undefined {
    const bucket = this.#buckets.get(this.#oldest)
    if (bucket !== undefined && !bucket.isSorted) {
      bucket.events = bucket.events.slice(bucket.head).sort(byAge)
      bucket.head = 0
      bucket.isSorted = true
    }
    return bucket
  }

  #sweep(): void {
    for (const [place, bucket] of this.#buckets) {
      bucket.events = bucket.events.slice(bucket.head).filter(({ heldBy }) => heldBy & this.#bit)
      bucket.head = 0
      if (bucket.events.length === 0) this.#buckets.delete(place)
    }
    this.#removed = 0
    this.#oldest = Math.min(...this.#buckets.keys())
  }
}
