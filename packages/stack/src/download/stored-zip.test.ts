import { crc32 } from 'node:zlib'
import { expect, test } from 'vitest'
import { storedZip } from './stored-zip.ts'

test('a reader finds each file from the end of the zip', () => {
  const content = Buffer.from('some.Class\n')
  const zip = storedZip([
    { path: 'empty', content: Buffer.alloc(0) },
    { path: 'META-INF/services/x', content },
  ])
  const end = zip.length - 22
  expect(zip.readUInt32LE(end)).toBe(0x06054b50)
  expect(zip.readUInt16LE(end + 10)).toBe(2)
  const directory = zip.readUInt32LE(end + 16)
  expect(zip.readUInt32LE(end + 12)).toBe(end - directory)
  const second = directory + 46 + 'empty'.length
  expect(zip.readUInt32LE(second)).toBe(0x02014b50)
  expect(zip.readUInt32LE(second + 16)).toBe(crc32(content))
  const local = zip.readUInt32LE(second + 42)
  expect(zip.readUInt32LE(local)).toBe(0x04034b50)
  const start = local + 30 + 'META-INF/services/x'.length
  expect(zip.subarray(start, start + content.length)).toEqual(content)
})
