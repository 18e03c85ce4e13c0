import { crc32c } from '@node-rs/crc32'
import { attribute, head, magic } from './layout.ts'
import { sizeOfVarint, writeVarint } from './varint.ts'

/** A record to be written, its place and time given from the batch's first. */
export interface RecordToWrite {
  readonly key?: Buffer | string | null
  readonly value: Buffer | string | null
  readonly headers?: Headers | undefined
  readonly offsetDelta: number
  readonly timestampDelta: number
}

type HeaderValue = Buffer | string
type Headers = Readonly<Record<string, HeaderValue | readonly HeaderValue[] | undefined>>

export interface BatchToWrite {
  /** Epoch ms. */
  readonly firstTimestamp: number
  readonly maxTimestamp: number
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly firstSequence: number
  readonly isTransactional: boolean
  readonly lastOffsetDelta: number
}

/** A whole batch, uncompressed. */
export function encodeBatch(batch: BatchToWrite, records: readonly RecordToWrite[]): Buffer {
  const sizes = records.map(sizeOfRecord)
  let bodyBytes = 0
  for (const size of sizes) bodyBytes += sizeOfVarint(size) + size
  const bytes = Buffer.allocUnsafe(head.bytes + bodyBytes)
  writeHead(bytes, batch, records.length)
  writeRecords(bytes, records, sizes)
  bytes.writeUInt32BE(crc32c(bytes.subarray(head.attributes)), head.checksum)
  return bytes
}

/** Everything before the records but the checksum, which covers them. */
function writeHead(bytes: Buffer, batch: BatchToWrite, records: number): void {
  bytes.writeBigInt64BE(0n, head.firstOffset)
  bytes.writeInt32BE(bytes.length - head.leaderEpoch, head.length)
  bytes.writeInt32BE(0, head.leaderEpoch)
  bytes.writeInt8(magic, head.magic)
  bytes.writeInt16BE(batch.isTransactional ? attribute.transactional : 0, head.attributes)
  bytes.writeInt32BE(batch.lastOffsetDelta, head.lastOffsetDelta)
  bytes.writeBigInt64BE(BigInt(batch.firstTimestamp), head.firstTimestamp)
  bytes.writeBigInt64BE(BigInt(batch.maxTimestamp), head.maxTimestamp)
  bytes.writeBigInt64BE(batch.producerId, head.producerId)
  bytes.writeInt16BE(batch.producerEpoch, head.producerEpoch)
  bytes.writeInt32BE(batch.firstSequence, head.firstSequence)
  bytes.writeInt32BE(records, head.records)
}

function writeRecords(
  bytes: Buffer,
  records: readonly RecordToWrite[],
  sizes: readonly number[],
): void {
  let at: number = head.bytes
  for (const [i, record] of records.entries()) {
    at = writeVarint(bytes, at, sizes[i] ?? 0)
    bytes[at++] = 0
    at = writeVarint(bytes, at, record.timestampDelta)
    at = writeVarint(bytes, at, record.offsetDelta)
    at = writeBytes(bytes, at, record.key ?? null)
    at = writeBytes(bytes, at, record.value)
    const headers = headersOf(record)
    at = writeVarint(bytes, at, headers.length)
    for (const [name, value] of headers) {
      at = writeBytes(bytes, at, name)
      at = writeBytes(bytes, at, value)
    }
  }
}

function sizeOfRecord(record: RecordToWrite): number {
  const headers = headersOf(record)
  let size = 1 + sizeOfVarint(record.timestampDelta) + sizeOfVarint(record.offsetDelta)
  size += sizeOfBytes(record.key ?? null) + sizeOfBytes(record.value)
  size += sizeOfVarint(headers.length)
  for (const [name, value] of headers) size += sizeOfBytes(name) + sizeOfBytes(value)
  return size
}

const noHeaders: readonly (readonly [string, HeaderValue])[] = []

function headersOf({ headers }: RecordToWrite): readonly (readonly [string, HeaderValue])[] {
  if (headers === undefined) return noHeaders
  return Object.entries(headers).flatMap(([name, values]) => {
    if (values === undefined) return []
    return isList(values)
      ? values.map((value) => [name, value] as const)
      : [[name, values] as const]
  })
}

function isList(values: HeaderValue | readonly HeaderValue[]): values is readonly HeaderValue[] {
  return Array.isArray(values)
}

function lengthOf(value: Buffer | string): number {
  return typeof value === 'string' ? Buffer.byteLength(value) : value.length
}

function sizeOfBytes(value: Buffer | string | null): number {
  if (value === null) return 1
  const length = lengthOf(value)
  return sizeOfVarint(length) + length
}

function writeBytes(bytes: Buffer, from: number, value: Buffer | string | null): number {
  if (value === null) return writeVarint(bytes, from, -1)
  const at = writeVarint(bytes, from, lengthOf(value))
  if (typeof value === 'string') return at + bytes.write(value, at)
  bytes.set(value, at)
  return at + value.length
}
