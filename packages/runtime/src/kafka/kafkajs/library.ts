import { createRequire } from 'node:module'
import type * as Library from 'kafkajs'
import {
  attribute,
  batchContext,
  decodeRecords,
  encodeBatch,
  endOfBatch,
  head,
  magic,
  type FetchedRecord,
  type RecordToWrite,
} from '../record-batch/index.ts'
import { keepTimesSteady } from './steady-times.ts'

/**
 * kafkajs with our reading and writing of record batches in the place of its own; everything here takes its values from this module.
 *
 * Its writing takes 9 µs a record of 700 bytes, a dozen objects and a checksum byte by byte, ours less than one; and it groups the messages of a
 * send in quadratic time. Its reading does not look
 * at checksums. And it goes wrong on compacted topics, whose batches lose their last records, or all of them: the broker keeps an emptied
 * batch as long as it holds the last sequence number of a producer. kafkajs takes its next position from the last record it was given, so it
 * asks for an empty batch at the end of a segment again and again, for ever: a partition of the enricher whose changelog had one could not be
 * restored. Here every batch ends with a record at its last offset; where the broker sent none, it is a control record, which nobody is given.
 */
const require = createRequire(import.meta.url)

/** kafkajs's cursor over a fetch response. */
interface Fetched {
  readonly buffer: Buffer
  readonly offset: number
  forward(bytes: number): void
}

/** What kafkajs knows of a batch to be written. */
interface KafkajsBatch {
  readonly compression: number
  readonly firstTimestamp: number
  readonly maxTimestamp: number
  readonly producerId: { toString(): string }
  readonly producerEpoch: number
  readonly firstSequence: number
  readonly transactional: boolean
  readonly lastOffsetDelta: number
  readonly records: readonly RecordToWrite[]
}

interface MessagesToGroup {
  readonly topic: string
  readonly partitionMetadata: readonly object[]
  readonly messages: readonly object[]
  readonly partitioner: (choice: {
    readonly topic: string
    readonly partitionMetadata: readonly object[]
    readonly message: object
  }) => number
}

interface Codec {
  decompress(bytes: Buffer): Promise<Buffer>
}

const paths = {
  decodeBatch: require.resolve('kafkajs/src/protocol/recordBatch/v0/decoder'),
  encodeBatch: require.resolve('kafkajs/src/protocol/recordBatch/v0'),
  encodeRecord: require.resolve('kafkajs/src/protocol/recordBatch/record/v0'),
  groupByPartition: require.resolve('kafkajs/src/producer/groupMessagesPerPartition'),
}
const users = [
  require.resolve('kafkajs/src/protocol/requests/fetch/v4/decodeMessages'),
  require.resolve('kafkajs/src/protocol/requests/produce/v3/request'),
  require.resolve('kafkajs/src/producer/sendMessages'),
]
const isReplaced = Symbol.for('faultline.kafkajs.record-batches')

replaceRecordBatches()
keepTimesSteady()

function replaceRecordBatches(): void {
  for (const path of Object.values(paths)) require(path)
  if (isReplaced in (require(paths.decodeBatch) as object)) return
  if (users.some((path) => require.cache[path] !== undefined)) {
    throw new Error('kafkajs was loaded before it could be mended: import it from library.ts')
  }
  replace(paths.decodeBatch, Object.assign(readBatch, { [isReplaced]: true }))
  replace(paths.encodeRecord, (record: RecordToWrite) => record)
  replace(paths.encodeBatch, { RecordBatch: writeBatch, MAGIC_BYTE: magic })
  replace(paths.groupByPartition, groupByPartition)
}

function replace(path: string, exports: unknown): void {
  const module = require.cache[path]
  if (module === undefined) throw new Error(`kafkajs has no module ${path}`)
  module.exports = exports
}

async function readBatch(fetched: Fetched): Promise<{ readonly records: FetchedRecord[] }> {
  const { buffer, offset } = fetched
  const end = offset + head.leaderEpoch + buffer.readInt32BE(offset + head.length)
  if (end > buffer.length) throw partialBatch()
  fetched.forward(end - offset)
  const batch = buffer.subarray(offset, end)
  const context = batchContext(batch)
  const compression = batch.readInt16BE(head.attributes) & attribute.compression
  const body = batch.subarray(head.bytes)
  const bytes = compression === 0 ? body : await codec(compression).decompress(body)
  const records = decodeRecords(bytes, batch.readInt32BE(head.records), context)
  if (records.at(-1)?.offset !== context.lastOffset) records.push(endOfBatch(context))
  return { records }
}

function writeBatch(batch: KafkajsBatch): object {
  if (batch.compression !== 0) throw new Error('records are written uncompressed')
  const { producerId, transactional, records, ...rest } = batch
  const bytes = encodeBatch(
    { ...rest, producerId: BigInt(producerId.toString()), isTransactional: transactional },
    records,
  )
  return { buf: bytes, buffer: bytes, size: () => bytes.length }
}

/** kafkajs copies the list of a partition for each message of it: a thousand messages are half a million copies. */
function groupByPartition({ topic, partitionMetadata, messages, partitioner }: MessagesToGroup) {
  const grouped: Record<number, object[]> = {}
  if (partitionMetadata.length === 0) return grouped
  for (const message of messages) {
    const partition = partitioner({ topic, partitionMetadata, message })
    ;(grouped[partition] ??= []).push(message)
  }
  return grouped
}

/** What kafkajs expects where a fetch ends within a batch. */
function partialBatch(): Error {
  const errors = require('kafkajs/src/errors') as {
    readonly KafkaJSPartialMessageError: new (message: string) => Error
  }
  return new errors.KafkaJSPartialMessageError('the fetch ends within a batch')
}

function codec(compression: number): Codec {
  const { lookupCodec } = require('kafkajs/src/protocol/message/compression') as {
    readonly lookupCodec: (type: number) => Codec
  }
  return lookupCodec(compression)
}

const kafkajs = require('kafkajs') as typeof Library

export const { AssignerProtocol, ConfigResourceTypes, ConfigSource, Kafka, logLevel } = kafkajs
