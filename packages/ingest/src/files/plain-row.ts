import { isPlausibleClock } from '@faultline/core/frame'
import { float32Max } from '../measurements/bounds.ts'
import { parseCarNumber } from './car-number.ts'
import { epochOf, parseMeasuredAt } from './measured-at.ts'

/** What a column holds. */
export type ColumnKind = 'reading' | 'device_id' | 'measured_at' | 'car_number'

const comma = 0x2c
const space = 0x20
const quote = 0x22
const dot = 0x2e
const minus = 0x2d
const zero = 0x30
const nine = 0x39
const lastPrintable = 0x7e

/** So many digits are held exactly by a float64, and so is ten to this power: their quotient is what `Number` gives. */
const exactDigits = 15
const powersOfTen = Float64Array.from({ length: exactDigits + 1 }, (_, n) => 10 ** n)

/** In a number with more digits, a sign in front or an exponent. */
const numberBytes = new Set(Buffer.from('0123456789+-.eE'))

/**
 * Reads rows in plain notation from their bytes, without making text of every cell: no quotes, and nothing but ASCII. Where a row holds anything
 * else, or anything wrong, it leaves the row to a reader that takes all there is and says what is wrong. What it reads, that one would
 * read, too.
 */
export class PlainRowReader {
  /** These and `values` are of the row read last. */
  deviceId = ''
  measuredAtMs = 0
  carNumber: number | null = null
  /** By column; NaN where there is no value. Columns that hold no reading have none. */
  readonly values: Float32Array
  readonly #kinds: readonly ColumnKind[]
  #day = 0
  #dayMs: number | undefined

  constructor(kinds: readonly ColumnKind[]) {
    this.#kinds = kinds
    this.values = new Float32Array(kinds.length).fill(Number.NaN)
  }

  /** Whether the row is plain and was read. */
  read(bytes: Buffer): boolean {
    const kinds = this.#kinds
    this.carNumber = null
    let at = 0
    for (let column = 0; column < kinds.length; column += 1) {
      if (at > bytes.length) return false
      const kind = kinds[column]
      at = kind === 'reading' ? this.#reading(bytes, at, column) : this.#other(bytes, at, kind)
      if (at === -1) return false
    }
    return at === bytes.length + 1
  }

  // Each of these reads the cell at `start` and returns the place behind its comma, -1 where it is not plain.

  #reading(bytes: Buffer, start: number, column: number): number {
    const isNegative = bytes[start] === minus
    let at = isNegative ? start + 1 : start
    let mantissa = 0
    let digits = 0
    let point = -1
    for (; at < bytes.length; at += 1) {
      const byte = bytes[at] ?? comma
      if (byte >= zero && byte <= nine) {
        mantissa = mantissa * 10 + byte - zero
        digits += 1
      } else if (byte === dot && point === -1) point = at
      else break
    }
    if ((bytes[at] ?? comma) !== comma || digits > exactDigits) {
      return this.#rareReading(bytes, start, column)
    }
    if (digits === 0) {
      if (at > start) return -1
      this.values[column] = Number.NaN
      return at + 1
    }
    const value = scaled(mantissa, point === -1 ? 0 : at - point - 1)
    this.values[column] = isNegative ? -value : value
    return at + 1
  }

  #rareReading(bytes: Buffer, start: number, column: number): number {
    const end = endOfCell(bytes, start)
    const [from, to] = trimmed(bytes, start, end)
    for (let at = from; at < to; at += 1) if (!numberBytes.has(bytes[at] ?? 0)) return -1
    const value = from === to ? Number.NaN : Number(bytes.toString('latin1', from, to))
    if (from < to && !(Math.abs(value) <= float32Max)) return -1
    this.values[column] = value
    return end + 1
  }

  #other(bytes: Buffer, start: number, kind: ColumnKind | undefined): number {
    const end = endOfCell(bytes, start)
    const [from, to] = trimmed(bytes, start, end)
    for (let at = from; at < to; at += 1) {
      const byte = bytes[at] ?? 0
      if (byte < space || byte > lastPrintable || byte === quote) return -1
    }
    const isRead =
      kind === 'measured_at'
        ? this.#readTime(bytes, from, to)
        : this.#readText(bytes.toString('latin1', from, to), kind)
    return isRead ? end + 1 : -1
  }

  #readText(text: string, kind: ColumnKind | undefined): boolean {
    if (kind === 'device_id') {
      this.deviceId = text
      return text !== ''
    }
    const carNumber = parseCarNumber(text)
    this.carNumber = carNumber ?? null
    return carNumber !== undefined
  }

  #readTime(bytes: Buffer, from: number, to: number): boolean {
    const time =
      this.#utcTime(bytes, from, to) ?? parseMeasuredAt(bytes.toString('latin1', from, to))
    this.measuredAtMs = time ?? 0
    return time !== undefined
  }

  /** `2026-11-21T12:00:00Z`, or with three more digits; undefined for every other notation. */
  #utcTime(bytes: Buffer, from: number, to: number): number | undefined {
    const length = to - from
    const template = length === millisecondsTemplate.length ? millisecondsTemplate : secondsTemplate
    if (length !== template.length || !fits(bytes, from, template)) return undefined
    const hour = digitsAt(bytes, from + 11, 2)
    const minute = digitsAt(bytes, from + 14, 2)
    const second = digitsAt(bytes, from + 17, 2)
    if (hour > 23 || minute > 59 || second > 59) return undefined
    const dayMs = this.#dayOf(bytes, from)
    if (dayMs === undefined) return undefined
    const millisecond = template === millisecondsTemplate ? digitsAt(bytes, from + 20, 3) : 0
    const time = dayMs + hour * 3_600_000 + minute * 60_000 + second * 1_000 + millisecond
    return isPlausibleClock(time) ? time : undefined
  }

  /** The day of most rows is that of the row before. */
  #dayOf(bytes: Buffer, from: number): number | undefined {
    const year = digitsAt(bytes, from, 4)
    const month = digitsAt(bytes, from + 5, 2)
    const day = digitsAt(bytes, from + 8, 2)
    const number = (year * 100 + month) * 100 + day
    if (number !== this.#day) {
      this.#day = number
      this.#dayMs = epochOf([year, month, day])
    }
    return this.#dayMs
  }
}

function scaled(mantissa: number, decimals: number): number {
  return mantissa / (powersOfTen[decimals] ?? 1)
}

const secondsTemplate = Buffer.from('0000-00-00T00:00:00Z')
const millisecondsTemplate = Buffer.from('0000-00-00T00:00:00.000Z')

/** Whether there are digits where the template has 0, and elsewhere what it has. */
function fits(bytes: Buffer, from: number, template: Buffer): boolean {
  for (let i = 0; i < template.length; i += 1) {
    const byte = bytes[from + i] ?? 0
    const wanted = template[i] ?? 0
    if (wanted === zero ? byte < zero || byte > nine : byte !== wanted) return false
  }
  return true
}

function digitsAt(bytes: Buffer, from: number, count: number): number {
  let number = 0
  for (let at = from; at < from + count; at += 1) number = number * 10 + (bytes[at] ?? 0) - zero
  return number
}

function endOfCell(bytes: Buffer, start: number): number {
  const end = bytes.indexOf(comma, start)
  return end === -1 ? bytes.length : end
}

/** Without the spaces around. */
function trimmed(bytes: Buffer, start: number, end: number): readonly [number, number] {
  let from = start
  let to = end
  while (from < to && bytes[from] === space) from += 1
  while (to > from && bytes[to - 1] === space) to -= 1
  return [from, to]
}
