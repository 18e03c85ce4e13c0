import { hash } from 'node:crypto'
import { ByteWriter, columns, type PlacedMeasurement } from './row-bytes.ts'

/** What is kept of the rows of a device and hour; about 150 bytes. */
interface Digest {
  count: number
  /** Sum of the rows' digests modulo 2^64. */
  sum: bigint
  /** The offsets its rows lie between. */
  first: number
  last: number
}

export const hourMs = 3_600_000

/** The digests of a device, by the beginning of the hour in which its rows were measured (epoch ms), and its partition. */
export interface DeviceDigests {
  readonly partition: number
  readonly hours: Map<number, Digest>
}

const out = new ByteWriter()

/** The same 64 bits as `rowDigestSql` gives for the row. */
function rowDigest(row: PlacedMeasurement): bigint {
  out.clear()
  for (const { write } of columns) write(out, row)
  return hash('md5', out.bytes(), 'buffer').readBigUInt64LE(0)
}

/** Counts and digests of the topic's rows by device and hour. */
export class DigestTable {
  readonly #devices = new Map<string, DeviceDigests>()
  readonly #nextRow = new Map<number, number>()
  #rows = 0

  add(row: PlacedMeasurement): void {
    const { partition, offset, measurement } = row
    const id = measurement.device_id
    const device = this.#devices.get(id) ?? { partition, hours: new Map<number, Digest>() }
    this.#devices.set(id, device)
    const hour = Math.floor(measurement.measured_at / hourMs) * hourMs
    const digest = device.hours.get(hour) ?? { count: 0, sum: 0n, first: offset, last: offset }
    device.hours.set(hour, digest)
    digest.count += 1
    digest.sum = BigInt.asUintN(64, digest.sum + rowDigest(row))
    digest.last = offset
    this.#nextRow.set(partition, offset + 1)
    this.#rows += 1
  }

  get rows(): number {
    return this.#rows
  }

  devices(): ReadonlyMap<string, DeviceDigests> {
    return this.#devices
  }

  /** One past the last row of each partition. */
  nextRows(): ReadonlyMap<number, number> {
    return this.#nextRow
  }
}
