import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MemoryBroker } from '@faultline/runtime/kafka/memory'
import { readCaptured, readTable } from './captured.ts'
import { IdSet } from './id-set.ts'

const decode = (value: Buffer) => Promise.resolve(JSON.parse(value.toString()) as unknown)
const source = { lsn: 1, ts_ms: 1, txId: null, sequence: null }
const json = (event: object) => ({
  key: null,
  value: Buffer.from(JSON.stringify({ before: null, after: null, source, ...event })),
})

function readerOf(broker: MemoryBroker, partitions: readonly number[]) {
  return { history: broker.history(), decode, partitionsOf: () => Promise.resolve(partitions) }
}

describe('what the topics hold', () => {
  it('is every row id of all partitions, or of what came after the last look', async () => {
    const broker = new MemoryBroker()
    const row = (partition: number, id: number) =>
      broker.append('raw', partition, json({ op: 'c', after: { id } }))
    for (const [partition, id] of [
      [0, 7],
      [1, 3],
      [0, 70_000],
    ] as const)
      row(partition, id)
    broker.append('raw', 0, json({ op: 't' }))
    const reader = readerOf(broker, [0, 1])
    const first = await readCaptured(reader, 'raw')
    expect([first.ids.size, first.ids.has(3), first.ids.has(4), first.floor]).toEqual([
      3,
      true,
      false,
      0,
    ])
    row(1, 8)
    const more = await readCaptured(reader, 'raw', first.ends)
    expect([more.ids.size, more.ids.has(8)]).toEqual([1, true])
  })

  it('is the rows of a table as they were captured last', async () => {
    const broker = new MemoryBroker()
    const add = (event: object) => broker.append('table', 0, json(event))
    add({ op: 'c', after: { key: 'gone' } })
    add({ op: 't' })
    add({ op: 'r', after: { key: 'a', line: 1 } })
    add({ op: 'c', after: { key: 'b' } })
    add({ op: 'u', before: { key: 'a' }, after: { key: 'a', line: 2 } })
    add({ op: 'd', before: { key: 'b' } })
    broker.append('table', 0, { key: null, value: null })
    const rows = await readTable(readerOf(broker, [0]), 'table', 'key')
    expect([...rows]).toEqual([['a', { key: 'a', line: 2 }]])
  })
})

it('a set of ids says what a set says', () => {
  // Around the edges of bytes and chunks.
  const id = fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 65_530, max: 65_545 }))
  fc.assert(
    fc.property(fc.array(id), fc.array(id), (some, others) => {
      const ids = new IdSet()
      const more = new IdSet()
      for (const one of some) ids.add(one)
      for (const one of others) more.add(one)
      const model = new Set(some)
      expect(ids.size).toBe(model.size)
      for (const one of others) expect(ids.has(one)).toBe(model.has(one))
      expect(ids.countIn(more)).toBe(new Set(others.filter((one) => model.has(one))).size)
    }),
  )
})
