import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { frameBytes } from '@faultline/core/frame'
import { cutRecords, isUnreadable, plainBytes, unpackedBytes } from './file-bytes.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'file-bytes-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

/** Bytes that differ from place to place. */
const pattern = (length: number) =>
  Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 0xff))

/** Whole records and the rest; pieces are used again, so they are copied at once. */
async function read(pieces: AsyncIterable<Buffer>) {
  const records: Buffer[] = []
  const rest = await cutRecords(pieces, (piece) => {
    records.push(Buffer.from(piece))
    return Promise.resolve()
  })
  return { records: Buffer.concat(records), rest: Buffer.from(rest) }
}

test('records are whole however the pieces are cut', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(2_000), { maxLength: 12 }), async (lengths) => {
      const bytes = pattern(lengths.reduce((sum, length) => sum + length, 0))
      // One buffer for all pieces, as the reader of files has it.
      const shared = Buffer.alloc(2_000)
      const pieces = async function* () {
        let at = 0
        for (const length of lengths) {
          bytes.copy(shared, 0, at, at + length)
          at += length
          yield await Promise.resolve(shared.subarray(0, length))
        }
      }
      const { records, rest } = await read(pieces())
      const whole = bytes.length - (bytes.length % frameBytes)
      expect(records.equals(bytes.subarray(0, whole))).toBe(true)
      expect(rest.equals(bytes.subarray(whole))).toBe(true)
    }),
  )
})

test('a file is read from one place to another, plain and packed, over several reads', async () => {
  // More than two reads of a megabyte.
  const bytes = pattern(frameBytes * 6_000 + 99)
  const plain = join(folder, 'a.bin')
  const packed = join(folder, 'a.bin.gz')
  writeFileSync(plain, bytes)
  writeFileSync(packed, gzipSync(bytes))
  for (const from of [0, frameBytes, frameBytes * 5_000, bytes.length]) {
    const fromPlain = await read(plainBytes(plain, from, bytes.length))
    const fromPacked = await read(unpackedBytes(packed, from))
    const expected = bytes.subarray(from)
    expect(Buffer.concat([fromPlain.records, fromPlain.rest]).equals(expected)).toBe(true)
    expect(Buffer.concat([fromPacked.records, fromPacked.rest]).equals(expected)).toBe(true)
  }
  const smallPieces = await read(plainBytes(plain, 0, bytes.length, 100))
  expect(Buffer.concat([smallPieces.records, smallPieces.rest]).equals(bytes)).toBe(true)
  const part = await read(plainBytes(plain, frameBytes, frameBytes * 3))
  expect(part.records.equals(bytes.subarray(frameBytes, frameBytes * 3))).toBe(true)
})

test('a damaged archive is the fault of the file, a missing one is not', async () => {
  const path = join(folder, 'damaged.bin.gz')
  const packed = gzipSync(pattern(100_000))
  writeFileSync(path, packed.subarray(0, packed.length - 20))
  await expect(read(unpackedBytes(path, 0))).rejects.toSatisfy(isUnreadable)
  await expect(read(unpackedBytes(join(folder, 'none.gz'), 0))).rejects.not.toSatisfy(isUnreadable)
  await expect(read(plainBytes(join(folder, 'none'), 0, 1))).rejects.not.toSatisfy(isUnreadable)
})
