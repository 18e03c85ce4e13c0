import { decodeFrame, encodeFrame, frameBytes } from '@faultline/core/frame'
import { Chance } from '../../support/chance.ts'

/** All frames that were given to the collector, and what has to become of them. */
export class GivenFrames {
  readonly #chance: Chance
  /** Of a share of the frames some bytes are written over. */
  #fuzzedShare: number
  readonly #good: string[] = []
  #bad = 0
  #serial = 0

  constructor(seed: number, fuzzedShare = 0) {
    this.#chance = new Chance(seed)
    this.#fuzzedShare = fuzzedShare
  }

  get total(): number {
    return this.#serial
  }

  get bad(): number {
    return this.#bad
  }

  /** Device, time and car number of each frame that is to be in the database, sorted. */
  get good(): readonly string[] {
    return this.#good.toSorted()
  }

  /** The next records; every frame has a car number and a time of its own. */
  take(count: number): Buffer {
    const records = Array.from({ length: count }, () => this.#next())
    for (const record of records) {
      const decoded = decodeFrame(record)
      if (!decoded.ok) this.#bad += 1
      else {
        const { deviceId, measuredAtMs, carNumber } = decoded.frame
        this.#good.push(`${deviceId} ${measuredAtMs} ${carNumber}`)
      }
    }
    return Buffer.concat(records)
  }

  /** The same, none of them fuzzed. */
  takeClean(count: number): Buffer {
    const share = this.#fuzzedShare
    this.#fuzzedShare = 0
    const records = this.take(count)
    this.#fuzzedShare = share
    return records
  }

  /** Counts a record that was torn, or the rest of a file that cannot be read. */
  addBad(): void {
    this.#bad += 1
  }

  #next(): Uint8Array {
    this.#serial += 1
    const record = encodeFrame({
      deviceId: `AC-${this.#serial % 97}`,
      measuredAtMs: Date.UTC(2026, 10, 1) + this.#serial,
      carNumber: this.#serial,
      readings: Float32Array.from({ length: 100 }, () => this.#chance.next() * 100),
    })
    if (this.#chance.next() >= this.#fuzzedShare) return record
    const changes = 1 + Math.floor(this.#chance.next() * 6)
    for (let i = 0; i < changes; i += 1) {
      // Half of the changes in the head of the record, where it can become bad; the highest byte of the clock and of the
      // car number always make it so.
      const at = Math.floor(this.#chance.next() * (this.#chance.next() < 0.5 ? 28 : frameBytes))
      // The month stays, or every frame would make a partition.
      record[at >= 19 && at < 23 ? 23 : at] = Math.floor(this.#chance.next() * 256)
    }
    return record
  }
}
