import { createRequire } from 'node:module'
import type * as Library from 'kafkajs'

/**
 * kafkajs with one mistake of its consumer mended; everything here takes its values from this module.
 *
 * A compacted topic has batches whose last records, or all of them, are gone: the broker keeps an emptied batch as long as it holds the
 * last sequence number of a producer. kafkajs takes its next position from the last record it was given, so it asks for an empty batch
 * at the end of a segment again and again, for ever: a partition of the enricher whose changelog had one could not be restored. Here
 * every batch ends with a record at its last offset; where the broker sent none, it is marked as a control record, which nobody is given.
 */
const require = createRequire(import.meta.url)

interface Batch {
  readonly firstOffset: string
  readonly lastOffsetDelta: number
  readonly maxTimestamp: string
  readonly records: { readonly offset: string }[]
}

type DecodeBatch = (bytes: unknown) => Promise<Batch>

const decoderPath = require.resolve('kafkajs/src/protocol/recordBatch/v0/decoder')
const userPath = require.resolve('kafkajs/src/protocol/requests/fetch/v4/decodeMessages')
const isMended = Symbol.for('faultline.kafkajs.mended')

mend(require(decoderPath) as DecodeBatch)

function mend(decodeBatch: DecodeBatch): void {
  if (isMended in decodeBatch) return
  const decoder = require.cache[decoderPath]
  if (decoder === undefined || require.cache[userPath] !== undefined) {
    throw new Error('kafkajs was loaded before it could be mended: import it from library.ts')
  }
  const whole: DecodeBatch = async (bytes) => {
    const batch = await decodeBatch(bytes)
    const last = String(BigInt(batch.firstOffset) + BigInt(batch.lastOffsetDelta))
    if (batch.records.at(-1)?.offset !== last) batch.records.push(endOf(batch, last))
    return batch
  }
  decoder.exports = Object.assign(whole, { [isMended]: true })
}

function endOf(batch: Batch, offset: string) {
  const { maxTimestamp: timestamp } = batch
  const nothing = { key: null, value: null, headers: {}, attributes: 0, magicByte: 2 }
  return { ...nothing, offset, timestamp, batchContext: batch, isControlRecord: true }
}

const kafkajs = require('kafkajs') as typeof Library

export const { AssignerProtocol, ConfigResourceTypes, ConfigSource, Kafka, logLevel } = kafkajs
