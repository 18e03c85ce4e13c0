import { crc32c } from '@node-rs/crc32'
import type { KafkaRecord } from '../ports.ts'
import { attribute, head } from './layout.ts'
import { readVarint, type Cursor } from './varint.ts'

/** What the records of one batch share. */
export interface BatchContext {
  readonly firstOffset: number
  readonly lastOffset: number
  readonly firstTimestamp: number
  readonly maxTimestamp: number
  readonly isLogAppendTime: boolean
  /** As text: kafkajs compares it with the ids of aborted transactions, which it reads as text. */
  readonly producerId: string
  readonly inTransaction: boolean
  readonly isControlBatch: boolean
}

/** A record as a fetch brings it. `key` and `value` are views of the fetched bytes, which they keep in memory. */
export class FetchedRecord implements KafkaRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, string>> | undefined
  readonly timestampMs: number
  readonly offset: number
  readonly isControlRecord: boolean
  readonly batchContext: BatchContext

  constructor(cursor: Cursor, context: BatchContext) {
    // The record's own attributes have no meaning yet.
    cursor.at += 1
    const timestampDelta = readVarint(cursor)
    this.offset = context.firstOffset + readVarint(cursor)
    this.timestampMs = context.isLogAppendTime
      ? context.maxTimestamp
      : context.firstTimestamp + timestampDelta
    this.key = readBytes(cursor)
    this.value = readBytes(cursor)
    this.headers = readHeaders(cursor)
    this.isControlRecord = context.isControlBatch
    this.batchContext = context
  }
}

/** The end of a batch whose last records were compacted away: a control record, which no reader is given. */
export function endOfBatch(context: BatchContext): FetchedRecord {
  const nothing = Buffer.from([0, 0, 0, 1, 1, 0])
  const offsets = { firstOffset: context.lastOffset, isControlBatch: true }
  return new FetchedRecord({ bytes: nothing, at: 0 }, { ...context, ...offsets })
}

/** @throws Error where the bytes are not those that were written */
export function batchContext(batch: Buffer): BatchContext {
  const written = batch.readUInt32BE(head.checksum)
  if (crc32c(batch.subarray(head.attributes)) !== written) {
    throw new Error('a record batch does not fit its checksum')
  }
  const attributes = batch.readInt16BE(head.attributes)
  const firstOffset = Number(batch.readBigInt64BE(head.firstOffset))
  return {
    firstOffset,
    lastOffset: firstOffset + batch.readInt32BE(head.lastOffsetDelta),
    firstTimestamp: Number(batch.readBigInt64BE(head.firstTimestamp)),
    maxTimestamp: Number(batch.readBigInt64BE(head.maxTimestamp)),
    isLogAppendTime: (attributes & attribute.logAppendTime) !== 0,
    producerId: String(batch.readBigInt64BE(head.producerId)),
    inTransaction: (attributes & attribute.transactional) !== 0,
    isControlBatch: (attributes & attribute.control) !== 0,
  }
}

/** @param bytes the batch's records, uncompressed. @throws RangeError where they are not `count` whole records */
export function decodeRecords(
  bytes: Buffer,
  count: number,
  context: BatchContext,
): FetchedRecord[] {
  const cursor: Cursor = { bytes, at: 0 }
  const records: FetchedRecord[] = []
  for (let n = 0; n < count; n++) {
    const length = readVarint(cursor)
    const end = cursor.at + length
    records.push(new FetchedRecord(cursor, context))
    if (cursor.at !== end) throw new RangeError('a record has another length than it says')
  }
  return records
}

function readBytes(cursor: Cursor): Buffer | null {
  const length = readVarint(cursor)
  if (length < 0) return null
  const end = cursor.at + length
  if (end > cursor.bytes.length) throw new RangeError('a record runs past the end of its batch')
  const bytes = cursor.bytes.subarray(cursor.at, end)
  cursor.at = end
  return bytes
}

/** Headers as text; of several with one name the first, and none without a value. */
function readHeaders(cursor: Cursor): Record<string, string> | undefined {
  const count = readVarint(cursor)
  if (count === 0) return undefined
  const headers: Record<string, string> = Object.create(null) as Record<string, string>
  for (let n = 0; n < count; n++) {
    const name = readBytes(cursor)?.toString() ?? ''
    const value = readBytes(cursor)
    if (value !== null && !(name in headers)) headers[name] = value.toString()
  }
  return headers
}
