/** How many records may be refused before the program rather than the records is suspect; per partition. */
export interface RefusalLimits {
  /** In a row. */
  readonly deadLetterConsecutiveMax: number
  /** Share of the last `deadLetterRatioWindow` records, in (0, 1]. */
  readonly deadLetterRatioMax: number
  readonly deadLetterRatioWindow: number
}

/** Some consecutive records, and how many of them were refused. */
interface Bucket {
  records: number
  refused: number
}

/** The window moves on by a tenth of itself at a time, so that it is stored in 80 bytes whatever its length. */
const bucketsMax = 10

/**
 * Counts refusals: in a row, and in a window of the last records. Both are stored with the partition's state, because a
 * restart must not give a flood a new start. While nothing was refused lately there is nothing to store.
 */
export class Refusals {
  readonly #limits: RefusalLimits
  #inARow = 0
  #buckets: Bucket[] = []
  #isChanged = false

  constructor(limits: RefusalLimits) {
    this.#limits = limits
  }

  /** Which limit one more refusal would pass, as the end of a sentence; null when it may be refused. */
  limitReached(): string | null {
    const { deadLetterConsecutiveMax, deadLetterRatioMax, deadLetterRatioWindow } = this.#limits
    if (this.#inARow >= deadLetterConsecutiveMax)
      return `${this.#inARow} records in a row were refused`
    const refused = this.#refusedInWindow()
    if (refused + 1 <= deadLetterRatioMax * deadLetterRatioWindow) return null
    return `${refused} of the last ${deadLetterRatioWindow} records were refused`
  }

  refused(): void {
    this.#inARow++
    const bucket = this.#bucket()
    bucket.records++
    bucket.refused++
    this.#isChanged = true
  }

  /** A record was not refused; `isEnriched` ends a row of refusals. */
  accepted(isEnriched: boolean): void {
    if (this.#buckets.length === 0) return
    this.#bucket().records++
    if (isEnriched) this.#inARow = 0
    if (this.#refusedInWindow() === 0 && this.#inARow === 0) this.#buckets = []
    this.#isChanged = true
  }

  /** u32 in a row, then for each part of the window u32 records and u32 refused; null: nothing to store. */
  takeChange(): { readonly value: Buffer | null } | null {
    if (!this.#isChanged) return null
    this.#isChanged = false
    if (this.#buckets.length === 0) return { value: null }
    const value = Buffer.alloc(4 + this.#buckets.length * 8)
    value.writeUInt32BE(this.#inARow)
    for (const [i, { records, refused }] of this.#buckets.entries()) {
      value.writeUInt32BE(records, 4 + i * 8)
      value.writeUInt32BE(refused, 8 + i * 8)
    }
    return { value }
  }

  restore(value: Buffer | null): void {
    this.#buckets = []
    this.#inARow = value?.readUInt32BE(0) ?? 0
    for (let at = 4; value !== null && at + 8 <= value.length; at += 8) {
      this.#buckets.push({ records: value.readUInt32BE(at), refused: value.readUInt32BE(at + 4) })
    }
    // An earlier version stored the row alone.
    if (this.#buckets.length === 0 && this.#inARow > 0) {
      this.#buckets.push({ records: this.#inARow, refused: this.#inARow })
    }
  }

  #refusedInWindow(): number {
    return this.#buckets.reduce((sum, { refused }) => sum + refused, 0)
  }

  #bucket(): Bucket {
    const last = this.#buckets.at(-1)
    if (last !== undefined && last.records < this.#limits.deadLetterRatioWindow / bucketsMax)
      return last
    const next = { records: 0, refused: 0 }
    this.#buckets.push(next)
    if (this.#buckets.length > bucketsMax) this.#buckets.shift()
    return next
  }
}
