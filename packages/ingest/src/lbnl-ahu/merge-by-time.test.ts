import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Loadable, Rejection } from '../files/loadable.ts'
import { mergeByTime } from './merge-by-time.ts'

const rejection: Rejection = {
  file: 'x.csv',
  at: 2,
  reason: 'VALUE_INVALID',
  detail: 'not a number',
  raw: 'x',
  encoding: 'text',
}

const row = (deviceId: string, measuredAtMs: number): Loadable => ({
  row: { deviceId, measuredAtMs, readings: new Float32Array(), carNumber: null },
})

/** In pieces of two. */
async function* pieces(records: readonly Loadable[]): AsyncGenerator<readonly Loadable[]> {
  for (let at = 0; at < records.length; at += 2) {
    yield await Promise.resolve(records.slice(at, at + 2))
  }
}

/** The records as they come, and the numbers of the sources in the order in which they end. */
async function merge(sources: readonly (readonly Loadable[])[]) {
  const merged: Loadable[] = []
  const ended: number[] = []
  const given = sources.map((records, n) => ({ n, pieces: pieces(records) }))
  for await (const { source, record } of mergeByTime(given)) {
    if (record === undefined) ended.push(source.n)
    else merged.push(record)
  }
  return { merged, ended }
}

test('ordered sources come out ordered, nothing is lost, and the end of each is told once', async () => {
  const times = fc.array(fc.nat(50)).map((values) => values.toSorted((a, b) => a - b))
  await fc.assert(
    fc.asyncProperty(fc.array(times, { maxLength: 5 }), async (all) => {
      const { merged, ended } = await merge(
        all.map((values, i) => values.map((t) => row(String(i), t))),
      )
      expect(merged.map((record) => record.row?.measuredAtMs)).toEqual(
        all.flat().toSorted((a, b) => a - b),
      )
      expect(ended.toSorted()).toEqual(all.map((_, i) => i))
    }),
  )
})

test('a rejection holds nothing up', async () => {
  const { merged, ended } = await merge([
    [row('a', 5), { rejection }, row('a', 6)],
    [row('b', 1)],
    [],
  ])
  expect(ended).toEqual([2, 1, 0])
  expect(merged).toEqual([row('b', 1), row('a', 5), { rejection }, row('a', 6)])
})

test('the sources are closed when the reader leaves early', async () => {
  let isClosed = false
  async function* watched(): AsyncGenerator<readonly Loadable[]> {
    try {
      yield await Promise.resolve([row('a', 1), row('a', 2)])
      yield [row('a', 3)]
    } finally {
      isClosed = true
    }
  }
  for await (const { record } of mergeByTime([{ pieces: watched() }])) {
    expect(record).toEqual(row('a', 1))
    break
  }
  expect(isClosed).toBe(true)
})
