import {
  decodeFrame,
  frameBytes,
  frameChannels,
  frameOffsets,
  isPlausibleClock,
  type FrameProblem,
} from '@faultline/core/frame'
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

/** Bytes of a row of a frame at most: what is of fixed size, the id, and 8 bytes a reading. */
const frameRowBytesMax = 64 + frameOffsets.clock + frameChannels * 8

/** Float32 bits without the sign: above the exponent of all ones is NaN. */
const signless = 0x7fff_ffff
const infinityBits = 0x7f80_0000

/** Bytes of a row at most: everything of fixed size, the id in UTF-8, and 8 bytes a reading. */
function rowBytesMax(row: Measurement): number {
  return 64 + row.deviceId.length * 3 + row.readings.length * 8
}

/** Rows in PostgreSQL's binary COPY format, in one buffer that is used again for the next batch. */
export class CopyBuffer {
  #bytes: Buffer
  #view: DataView
  #end = 0
  #rows = 0

  /** `bytes`: how much it holds before it has to grow. */
  constructor(bytes = 64 * 1024) {
    this.#bytes = Buffer.allocUnsafe(bytes)
    this.#view = viewOf(this.#bytes)
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

  /** Adds the rows of another one behind its own. */
  appendAll(other: CopyBuffer): void {
    this.#reserve(other.#end - header.length)
    this.#end += other.#bytes.copy(this.#bytes, this.#end, header.length, other.#end)
    this.#rows += other.#rows
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

  /**
   * Takes a frame record as it lies in a file, its readings as words: no number is decoded and none encoded. The same row,
   * or the same problem, as by `decodeFrame` and `append`. `records` holds at least `frameBytes` from `at` on.
   */
  appendFrame(records: DataView, at: number): FrameProblem | undefined {
    const idLength = asciiIdLength(records, at)
    const low = records.getUint32(at + frameOffsets.clock, true)
    const high = records.getUint32(at + frameOffsets.clock + 4, true)
    const measuredAtMs = high * 0x1_0000_0000 + low
    const carNumber = records.getInt32(at + frameOffsets.carNumber, true)
    // Whatever is not plain is decided where all is.
    if (idLength === 0 || carNumber < 0 || !isPlausibleClock(measuredAtMs)) {
      return this.#appendDecoded(records, at)
    }
    this.#reserve(frameRowBytesMax)
    const view = this.#view
    let to = this.#end
    view.setInt16(to, fieldCount)
    view.setInt32(to + 2, idLength)
    to += 6
    for (let i = 0; i < idLength; i += 1) view.setUint8(to + i, records.getUint8(at + i))
    to += idLength
    const microseconds = (measuredAtMs - postgresEpochMs) * 1000
    view.setInt32(to, 8)
    view.setUint32(to + 4, Math.floor(microseconds / 0x1_0000_0000))
    view.setUint32(to + 8, microseconds % 0x1_0000_0000)
    to = this.#appendWords(records, at + frameOffsets.readings, to + 12)
    view.setInt32(to, 4)
    view.setInt32(to + 4, carNumber)
    this.#end = to + 8
    this.#rows += 1
    return undefined
  }

  #appendDecoded(records: DataView, at: number): FrameProblem | undefined {
    const bytes = new Uint8Array(records.buffer, records.byteOffset + at, frameBytes)
    const decoded = decodeFrame(bytes)
    if (!decoded.ok) return decoded.problem
    this.append(decoded.frame)
    return undefined
  }

  /** As `#appendReadings`, from the little-endian words of a record. */
  #appendWords(records: DataView, from: number, start: number): number {
    const view = this.#view
    const end = from + frameChannels * 4
    let hasNull = 0
    let to = start + 24
    for (let word = from; word < end; word += 4) {
      const bits = records.getUint32(word, true)
      if ((bits & signless) > infinityBits) {
        hasNull = 1
        view.setInt32(to, nullLength)
        to += 4
      } else {
        view.setInt32(to, 4)
        view.setUint32(to + 4, bits)
        to += 8
      }
    }
    view.setInt32(start, to - start - 4)
    view.setInt32(start + 4, 1)
    view.setInt32(start + 8, hasNull)
    view.setInt32(start + 12, float4Oid)
    view.setInt32(start + 16, frameChannels)
    view.setInt32(start + 20, 1)
    return to
  }

  /** The finished input. It is a view: valid until the next `clear`. */
  finish(): Uint8Array {
    this.#bytes.writeInt16BE(-1, this.#end)
    return this.#bytes.subarray(0, this.byteLength)
  }

  /** A one-dimensional array: dimensions, whether it holds NULLs, element type, length, lower bound; then the elements. */
  #appendReadings(readings: Float32Array, start: number): number {
    const view = this.#view
    const dimensions = readings.length === 0 ? 0 : 1
    let to = start + (dimensions === 0 ? 16 : 24)
    let hasNull = 0
    for (const reading of readings) {
      if (Number.isNaN(reading)) {
        hasNull = 1
        view.setInt32(to, nullLength)
        to += 4
      } else {
        view.setInt32(to, 4)
        view.setFloat32(to + 4, reading)
        to += 8
      }
    }
    view.setInt32(start, to - start - 4)
    view.setInt32(start + 4, dimensions)
    view.setInt32(start + 8, hasNull)
    view.setInt32(start + 12, float4Oid)
    if (dimensions === 1) {
      view.setInt32(start + 16, readings.length)
      view.setInt32(start + 20, 1)
    }
    return to
  }

  #reserve(more: number): void {
    const needed = this.#end + more + trailerBytes
    if (needed <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2))
    this.#bytes.copy(larger, 0, 0, this.#end)
    this.#bytes = larger
    this.#view = viewOf(larger)
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}

/** Length of a frame's id without its padding; 0 where it holds anything but printable ASCII, or nothing. */
function asciiIdLength(records: DataView, at: number): number {
  let length = 0
  for (let i = 0; i < frameOffsets.clock; i += 1) {
    const byte = records.getUint8(at + i)
    if (byte === 0x00 || byte === 0x20) continue
    if (byte < 0x20 || byte > 0x7e) return 0
    // A NUL inside is no padding.
    if (i > length && !isAllSpaces(records, at + length, at + i)) return 0
    length = i + 1
  }
  return length
}

function isAllSpaces(records: DataView, from: number, to: number): boolean {
  for (let i = from; i < to; i += 1) if (records.getUint8(i) !== 0x20) return false
  return true
}
