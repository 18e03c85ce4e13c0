import type { Measurement } from './measurement.ts'

/** The statement whose input a CopyBuffer holds. */
export const copyStatement =
  'copy raw_measurements (device_id, measured_at, readings, car_number) from stdin with (format binary)'

// PostgreSQL's binary COPY format: signature, flags, length of a header extension; then per row a count of fields and each
// field with its length in front (-1 for NULL); -1 at the end. Everything is big endian.
const header = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1')
const trailerBytes = 2
const fieldCount = 4
const nullLength = -1
const float4Oid = 700
/** 2000-01-01 UTC, from which timestamptz counts microseconds. */
const postgresEpochMs = 946_684_800_000

/** Bytes of a row at most: everything of fixed size, the id in UTF-8, and 8 bytes a reading. */
function rowBytesMax(row: Measurement): number {
  return 64 + row.deviceId.length * 3 + row.readings.length * 8
}

/** Rows in PostgreSQL's binary COPY format, in one buffer that is used again for the next batch. */
export class CopyBuffer {
  #bytes = Buffer.allocUnsafe(64 * 1024)
  #end = 0
  #rows = 0

  constructor() {
    this.clear()
  }

  get rows(): number {
    return this.#rows
  }

  get byteLength(): number {
    return this.#end + trailerBytes
  }

  clear(): void {
    header.copy(this.#bytes)
    this.#end = header.length
    this.#rows = 0
  }

  append(row: Measurement): void {
    this.#reserve(rowBytesMax(row))
    const bytes = this.#bytes
    let at = bytes.writeInt16BE(fieldCount, this.#end)
    const idLength = bytes.write(row.deviceId, at + 4, 'utf8')
    at = bytes.writeInt32BE(idLength, at) + idLength
    at = bytes.writeInt32BE(8, at)
    at = bytes.writeBigInt64BE(BigInt(row.measuredAtMs - postgresEpochMs) * 1000n, at)
    at = this.#appendReadings(row.readings, at)
    if (row.carNumber === null) at = bytes.writeInt32BE(nullLength, at)
    else at = bytes.writeInt32BE(row.carNumber, bytes.writeInt32BE(4, at))
    this.#end = at
    this.#rows += 1
  }

  /** The finished input. It is a view: valid until the next `clear`. */
  finish(): Uint8Array {
    this.#bytes.writeInt16BE(-1, this.#end)
    return this.#bytes.subarray(0, this.byteLength)
  }

  /** A one-dimensional array: dimensions, whether it holds NULLs, element type, length, lower bound; then the elements. */
  #appendReadings(readings: Float32Array, start: number): number {
    const bytes = this.#bytes
    const dimensions = readings.length === 0 ? 0 : 1
    let at = start + 4
    at = bytes.writeInt32BE(dimensions, at)
    const hasNullAt = at
    at = bytes.writeInt32BE(0, at)
    at = bytes.writeInt32BE(float4Oid, at)
    if (dimensions === 1) {
      at = bytes.writeInt32BE(readings.length, at)
      at = bytes.writeInt32BE(1, at)
    }
    for (const reading of readings) {
      if (Number.isNaN(reading)) {
        at = bytes.writeInt32BE(nullLength, at)
        bytes.writeInt32BE(1, hasNullAt)
      } else {
        at = bytes.writeFloatBE(reading, bytes.writeInt32BE(4, at))
      }
    }
    bytes.writeInt32BE(at - start - 4, start)
    return at
  }

  #reserve(more: number): void {
    const needed = this.#end + more + trailerBytes
    if (needed <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2))
    this.#bytes.copy(larger, 0, 0, this.#end)
    this.#bytes = larger
  }
}
