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

async function* source(records: readonly Loadable[]): AsyncGenerator<Loadable> {
  for (const record of records) yield await Promise.resolve(record)
}

async function merge(sources: readonly (readonly Loadable[])[]): Promise<Loadable[]> {
  const merged: Loadable[] = []
  for await (const record of mergeByTime(sources.map(source))) merged.push(record)
  return merged
}

test('ordered sources come out ordered, and nothing is lost', async () => {
  const times = fc.array(fc.nat(50)).map((values) => values.toSorted((a, b) => a - b))
  await fc.assert(
    fc.asyncProperty(fc.array(times, { maxLength: 5 }), async (all) => {
      const merged = await merge(all.map((values, i) => values.map((t) => row(String(i), t))))
      expect(merged.map((record) => record.row?.measuredAtMs)).toEqual(
        all.flat().toSorted((a, b) => a - b),
      )
    }),
  )
})

test('a rejection holds nothing up', async () => {
  const merged = await merge([[row('a', 5), { rejection }, row('a', 6)], [row('b', 1)]])
  expect(merged).toEqual([row('b', 1), row('a', 5), { rejection }, row('a', 6)])
})

test('the sources are closed when the reader leaves early', async () => {
  let isClosed = false
  async function* watched(): AsyncGenerator<Loadable> {
    try {
      yield await Promise.resolve(row('a', 1))
      yield row('a', 2)
    } finally {
      isClosed = true
    }
  }
  for await (const record of mergeByTime([watched()])) {
    expect(record).toEqual(row('a', 1))
    break
  }
  expect(isClosed).toBe(true)
})
