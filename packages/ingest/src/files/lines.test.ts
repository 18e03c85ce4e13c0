import fc from 'fast-check'
import { expect, test } from 'vitest'
import { lineBytesMax, readLines, type Line } from './lines.ts'

async function* chunked(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) {
    yield await Promise.resolve(bytes.subarray(at, at + size))
  }
}

async function linesOf(input: Buffer | string, size = 1_000_000): Promise<Line[]> {
  const lines: Line[] = []
  for await (const line of readLines(chunked(Buffer.from(input), size))) lines.push(line)
  return lines
}

const texts = (lines: readonly Line[]) => lines.map(({ number, text }) => [number, text])

test('empty lines are left out but counted, and the last line needs no end', async () => {
  expect(texts(await linesOf('a\r\n\nb\n\r\nc'))).toEqual([
    [1, 'a'],
    [3, 'b'],
    [5, 'c'],
  ])
})

test('a byte order mark is no part of the header', async () => {
  expect(texts(await linesOf('\uFEFFdevice_id\n'))).toEqual([[1, 'device_id']])
})

test('the size of the chunks does not matter', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: fc.constantFrom('a', 'é', '\n', '\r') }),
      fc.integer({ min: 1, max: 7 }),
      async (text, size) => {
        expect(texts(await linesOf(text, size))).toEqual(texts(await linesOf(text)))
      },
    ),
  )
})

test('bytes that are no UTF-8 are handed on as bytes', async () => {
  const [line] = await linesOf(Buffer.from([0x61, 0xff]))
  expect([line?.number, line?.text, line?.bytes]).toEqual([1, undefined, Buffer.from([0x61, 0xff])])
})

test('a line that is too long is cut, and the next one is read', async () => {
  const lines = await linesOf(`${'x'.repeat(3 * lineBytesMax)}\nb`, 65_536)
  expect(lines.map(({ text }) => text)).toEqual([undefined, 'b'])
  expect(lines[0]?.bytes.length).toBe(lineBytesMax)
})
