import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { KafkaRecord, RecordBatch } from '../ports.ts'
import { FollowedPartitions } from './followed-partitions.ts'

const record = (offset: number): KafkaRecord => ({ key: null, value: null, timestampMs: 0, offset })

/** A batch of the offsets [first, next) of which every third holds a marker. */
function batch(firstOffset: number, nextOffset: number, partition = 0): RecordBatch {
  const offsets = Array.from({ length: nextOffset - firstOffset }, (_, i) => firstOffset + i)
  const records = offsets.filter((offset) => offset % 3 !== 2).map(record)
  return { topic: 't', partition, records, firstOffset, nextOffset, endOffset: nextOffset }
}

// Hypothesis: after a seek or a new generation of the group a record comes twice, or the ranges have gaps.
it('hands over every record once, in ranges without gaps, wherever the fetches begin', async () => {
  const fetches = fc.array(fc.record({ back: fc.nat(12), length: fc.integer({ min: 1, max: 9 }) }))
  await fc.assert(
    fc.asyncProperty(fc.nat(5), fetches, async (from, steps) => {
      const ranges: RecordBatch[] = []
      const partitions = new FollowedPartitions({
        from: new Map([[0, from]]),
        onBatch: (taken) => Promise.resolve(void ranges.push(taken)),
        onFatal: () => expect.unreachable(),
      })
      let end = from
      for (const { back, length } of steps) {
        const first = Math.max(0, end - back)
        end = Math.max(end, first + length)
        void partitions.deliver(batch(first, first + length))
      }
      await partitions.deliver(batch(0, end))
      expect(ranges.flatMap(({ records }) => records)).toEqual(batch(from, end).records)
      let next = from
      for (const { firstOffset, nextOffset } of ranges) {
        expect(firstOffset).toBe(next)
        next = nextOffset
      }
      expect(next).toBe(end)
    }),
  )
})

it('works on one batch of a partition at a time, and on partitions apart', async () => {
  const begun: string[] = []
  const gate = Promise.withResolvers<undefined>()
  const partitions = new FollowedPartitions({
    async onBatch({ partition, firstOffset }) {
      begun.push(`${partition}:${firstOffset}`)
      if (partition === 0) await gate.promise
    },
    onFatal: () => expect.unreachable(),
  })
  const both = [partitions.deliver(batch(0, 2)), partitions.deliver(batch(2, 4))]
  await partitions.deliver(batch(0, 2, 1))
  expect(begun).toEqual(['0:0', '1:0'])
  gate.resolve(undefined)
  await Promise.all(both)
  expect(begun).toEqual(['0:0', '1:0', '0:2'])
})

// Hypothesis: the batch that was fetched ahead is worked on although the one before it failed.
it('hands over nothing after a failure, and tells of it once', async () => {
  const begun: number[] = []
  const failures: unknown[] = []
  const partitions = new FollowedPartitions({
    onBatch({ firstOffset }) {
      begun.push(firstOffset)
      return firstOffset === 2 ? Promise.reject(new Error('no room')) : Promise.resolve()
    },
    onFatal: (error) => failures.push(error),
  })
  const taken = [batch(0, 2), batch(2, 4), batch(4, 6), batch(2, 6)].map((one) =>
    partitions.deliver(one),
  )
  const outcomes = await Promise.allSettled(taken)
  expect(outcomes.map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'rejected',
    'rejected',
  ])
  await partitions.deliver(batch(0, 2, 1))
  expect(begun).toEqual([0, 2])
  expect(failures).toEqual([new Error('no room')])
})

// Hypothesis: stopping leaves the fetched batch to be worked on after everything it needs was closed.
it('stops when what is under way is done, and begins nothing more', async () => {
  const begun: number[] = []
  const gate = Promise.withResolvers<undefined>()
  const partitions = new FollowedPartitions({
    async onBatch({ firstOffset }) {
      begun.push(firstOffset)
      await gate.promise
    },
    onFatal: () => expect.unreachable(),
  })
  void partitions.deliver(batch(0, 2))
  void partitions.deliver(batch(2, 4))
  await Promise.resolve()
  let isStopped = false
  const stopping = partitions.stop().then(() => (isStopped = true))
  void partitions.deliver(batch(4, 6))
  await new Promise(setImmediate)
  expect(isStopped).toBe(false)
  gate.resolve(undefined)
  await stopping
  await new Promise(setImmediate)
  expect(begun).toEqual([0])
})
