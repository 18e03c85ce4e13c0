/**
 * Writes values in ClickHouse's RowBinary format: numbers little-endian, lengths as LEB128, no names. The caller writes the
 * columns of a row in the order of its INSERT.
 */
export class RowBinaryWriter {
  readonly #full: Buffer[] = []
  #chunk = Buffer.allocUnsafe(chunkBytes)
  #end = 0

  /** What was written, in pieces. */
  finish(): readonly Buffer[] {
    return [...this.#full, this.#chunk.subarray(0, this.#end)]
  }

  varint(value: number): void {
    this.#room(5)
    let rest = value
    while (rest >= 0x80) {
      this.#chunk[this.#end++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#chunk[this.#end++] = rest
  }

  uint32(value: number): void {
    this.#room(4)
    this.#end = this.#chunk.writeUInt32LE(value, this.#end)
  }

  int32(value: number): void {
    this.#room(4)
    this.#end = this.#chunk.writeInt32LE(value, this.#end)
  }

  /** A whole number up to 2^53 in either direction, as Int64 or UInt64; two halves, because BigInt costs ten times as much. */
  int64(value: number): void {
    this.#room(8)
    const high = Math.floor(value / 4_294_967_296)
    this.#end = this.#chunk.writeUInt32LE(value - high * 4_294_967_296, this.#end)
    this.#end = this.#chunk.writeInt32LE(high, this.#end)
  }

  /** A whole number in decimal digits. */
  uint64(digits: string): void {
    this.#room(8)
    this.#end = this.#chunk.writeBigUInt64LE(BigInt(digits), this.#end)
  }

  float64(value: number): void {
    this.#room(8)
    this.#end = this.#chunk.writeDoubleLE(value, this.#end)
  }

  string(text: string): void {
    const bytes = Buffer.byteLength(text)
    this.varint(bytes)
    this.#room(bytes)
    this.#end += this.#chunk.write(text, this.#end)
  }

  nullable<T>(value: T | null, write: (value: T) => void): void {
    this.#room(1)
    this.#chunk[this.#end++] = value === null ? 1 : 0
    if (value !== null) write(value)
  }

  array<T>(values: readonly T[], write: (value: T) => void): void {
    this.varint(values.length)
    for (const value of values) write(value)
  }

  float32Array(values: readonly number[] | Float32Array): void {
    this.varint(values.length)
    const { buffer, byteOffset, byteLength } =
      values instanceof Float32Array ? values : new Float32Array(values)
    this.#room(byteLength)
    this.#chunk.set(new Uint8Array(buffer, byteOffset, byteLength), this.#end)
    this.#end += byteLength
  }

  #room(bytes: number): void {
    if (this.#end + bytes <= this.#chunk.length) return
    this.#full.push(this.#chunk.subarray(0, this.#end))
    this.#chunk = Buffer.allocUnsafe(Math.max(chunkBytes, bytes))
    this.#end = 0
  }
}

const chunkBytes = 1_048_576
