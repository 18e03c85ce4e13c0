const idsPerChunk = 65_536

/** A set of row ids, a bit each: 134 million neighbouring ids take 16 MB. */
export class IdSet {
  readonly #chunks = new Map<number, Uint8Array>()
  #size = 0

  get size(): number {
    return this.#size
  }

  add(id: number): void {
    const chunk = Math.floor(id / idsPerChunk)
    let bytes = this.#chunks.get(chunk)
    if (bytes === undefined) {
      bytes = new Uint8Array(idsPerChunk / 8)
      this.#chunks.set(chunk, bytes)
    }
    const at = id % idsPerChunk
    const mask = 1 << (at % 8)
    if (((bytes[at >> 3] ?? 0) & mask) !== 0) return
    bytes[at >> 3] = (bytes[at >> 3] ?? 0) | mask
    this.#size += 1
  }

  has(id: number): boolean {
    const at = id % idsPerChunk
    const byte = this.#chunks.get(Math.floor(id / idsPerChunk))?.[at >> 3] ?? 0
    return (byte & (1 << (at % 8))) !== 0
  }

  /** How many of these are in `other` too. */
  countIn(other: IdSet): number {
    let count = 0
    for (const [chunk, bytes] of this.#chunks) {
      const others = other.#chunks.get(chunk)
      if (others === undefined) continue
      for (const [at, byte] of bytes.entries()) count += bitsIn(byte & (others[at] ?? 0))
    }
    return count
  }
}

function bitsIn(byte: number): number {
  let count = 0
  for (let left = byte; left > 0; left &= left - 1) count += 1
  return count
}
