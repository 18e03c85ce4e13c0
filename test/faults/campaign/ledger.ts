/** What the campaign committed, by row id: a few bytes a row, so that an eight-hour run fits in memory. */

const rowKinds = ['none', 'healthy', 'fault', 'clock', 'too-many'] as const
export type RowKind = (typeof rowKinds)[number]

const firstCapacity = 65_536

export class Ledger {
  #kinds = new Uint8Array(firstCapacity)
  #devices = new Uint16Array(firstCapacity)
  readonly #names: string[] = []
  readonly #numbers = new Map<string, number>()
  #rows = 0
  /** Devices that were deleted from the catalog at some time. */
  readonly deleted = new Set<string>()
  #idMax = 0

  get rows(): number {
    return this.#rows
  }

  get idMax(): number {
    return this.#idMax
  }

  add(id: number, deviceId: string, kind: RowKind): void {
    if (id >= this.#kinds.length) this.#grow(id)
    if (this.#kinds[id] !== 0) throw new Error(`row ${id} was committed twice`)
    this.#kinds[id] = rowKinds.indexOf(kind)
    this.#devices[id] = this.#numberOf(deviceId)
    this.#rows += 1
    this.#idMax = Math.max(this.#idMax, id)
  }

  kindOf(id: number): RowKind {
    return rowKinds[this.#kinds[id] ?? 0] ?? 'none'
  }

  deviceOf(id: number): string {
    return this.#names[this.#devices[id] ?? 0] ?? ''
  }

  *ids(): Generator<number> {
    for (let id = 0; id <= this.#idMax; id++) if (this.#kinds[id] !== 0) yield id
  }

  /** How many rows, and two sums of their ids that no other set of that size is likely to have. */
  digest(): { rows: number; sum: bigint; squares: bigint } {
    let sum = 0n
    let squares = 0n
    for (const id of this.ids()) {
      sum += BigInt(id)
      squares += BigInt(id) * BigInt(id)
    }
    return { rows: this.#rows, sum, squares }
  }

  #numberOf(deviceId: string): number {
    const known = this.#numbers.get(deviceId)
    if (known !== undefined) return known
    this.#numbers.set(deviceId, this.#names.length)
    return this.#names.push(deviceId) - 1
  }

  #grow(id: number): void {
    const capacity = Math.max(id + 1, this.#kinds.length * 2)
    const kinds = new Uint8Array(capacity)
    const devices = new Uint16Array(capacity)
    kinds.set(this.#kinds)
    devices.set(this.#devices)
    this.#kinds = kinds
    this.#devices = devices
  }
}
