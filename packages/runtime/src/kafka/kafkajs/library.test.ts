import { createRequire } from 'node:module'
import { crc32c } from '@node-rs/crc32'
import { describe, expect, it } from 'vitest'
import { Kafka } from './library.ts'

interface Message {
  readonly offset: string
  readonly isControlRecord: boolean
}

interface FetchedBatch {
  readonly messages: readonly Message[]
  isEmptyDueToFiltering(): boolean
  lastOffset(): number
}

const require = createRequire(import.meta.url)
const Decoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => unknown
const decodeMessages = require('kafkajs/src/protocol/requests/fetch/v4/decodeMessages') as (
  decoder: unknown,
) => Promise<readonly Message[]>
const FetchedBatch = require('kafkajs/src/consumer/batch') as new (
  topic: string,
  fetchedOffset: string,
  partition: object,
) => FetchedBatch

const varint = (value: number) => Buffer.from([value << 1])

/** A record of one byte, `offsetDelta` behind the first of its batch; everything in it is shorter than 64. */
function record(offsetDelta: number): Buffer {
  const body = Buffer.concat([
    Buffer.from([0]),
    ...[varint(0), varint(offsetDelta), Buffer.from([1])],
    ...[varint(1), Buffer.from('x'), varint(0)],
  ])
  return Buffer.concat([varint(body.length), body])
}

/** A record batch as the log cleaner leaves it: the offsets it had, and the records that are left. */
function recordBatch(first: number, last: number, offsets: readonly number[]): Buffer {
  const head = Buffer.alloc(61)
  const records = Buffer.concat(offsets.map((offset) => record(offset - first)))
  head.writeBigInt64BE(BigInt(first), 0)
  head.writeInt32BE(49 + records.length, 8)
  head.writeInt8(2, 16)
  head.writeInt16BE(0x10, 21)
  head.writeInt32BE(last - first, 23)
  head.writeBigInt64BE(3n, 43)
  head.writeInt32BE(offsets.length, 57)
  const batch = Buffer.concat([head, records])
  batch.writeUInt32BE(crc32c(batch.subarray(21)), 17)
  return batch
}

async function fetched(from: number, ...batches: readonly Buffer[]): Promise<FetchedBatch> {
  const bytes = Buffer.concat(batches)
  const size = Buffer.alloc(4)
  size.writeInt32BE(bytes.length)
  const messages = await decodeMessages(new Decoder(Buffer.concat([size, bytes])))
  return new FetchedBatch('t', String(from), { partition: 0, highWatermark: '999', messages })
}

const offsetsOf = ({ messages }: FetchedBatch) => messages.map(({ offset }) => Number(offset))

describe('what kafkajs makes of batches that were compacted', () => {
  it('goes on behind an empty one, though nothing follows it in the segment', async () => {
    expect(Kafka).toBeDefined()
    const batch = await fetched(45, recordBatch(45, 54, []))
    expect(offsetsOf(batch)).toEqual([])
    expect(batch.isEmptyDueToFiltering()).toBe(true)
    expect(batch.lastOffset()).toBe(54)
  })

  it('goes on behind the last offset of one whose last records are gone', async () => {
    const batch = await fetched(45, recordBatch(45, 54, [45, 47]))
    expect(offsetsOf(batch)).toEqual([45, 47])
    expect(batch.lastOffset()).toBe(54)
    expect((await fetched(48, recordBatch(45, 54, [45, 47]))).lastOffset()).toBe(54)
  })

  it('gives whole batches as they are', async () => {
    const batch = await fetched(45, recordBatch(45, 46, [45, 46]), recordBatch(47, 47, [47]))
    expect(offsetsOf(batch)).toEqual([45, 46, 47])
    expect(batch.lastOffset()).toBe(47)
  })

  it('refuses one that was changed on its way', async () => {
    const whole = recordBatch(45, 46, [45, 46])
    for (const at of [21, 43, 60, whole.length - 1]) {
      const changed = Buffer.from(whole)
      changed[at] = (changed[at] ?? 0) ^ 1
      await expect(fetched(45, changed)).rejects.toThrow('checksum')
    }
  })

  it('leaves out the beginning of one that the fetch cut off', async () => {
    const cut = recordBatch(47, 47, [47]).subarray(0, -1)
    expect(offsetsOf(await fetched(45, recordBatch(45, 46, [45, 46]), cut))).toEqual([45, 46])
  })
})
