import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { EnrichedMeasurement } from '@faultline/contracts/enriched-measurement'
import type { Clock } from '@faultline/runtime/clock'
import { FaultlineError } from '@faultline/runtime/errors'
import type { CommittedOffset, GroupOffsets, KafkaRecord } from '@faultline/runtime/kafka'
import { createLogger } from '@faultline/runtime/logging'
import { MemoryWarehouse, type WriteFate } from '../warehouse/testing.ts'
import { SinkHandler } from './sink-handler.ts'

const topic = 'enriched'
const partition = 0
const logger = createLogger('test', 'silent')

/** A broker's memory of the group, which outlives handlers. */
class Group implements GroupOffsets {
  saved: CommittedOffset | null = null
  fate: () => 'commit' | 'refuse' | 'commit and lose the reply' = () => 'commit'

  committed(): Promise<CommittedOffset | null> {
    return Promise.resolve(this.saved)
  }

  commit(_partition: number, committed: CommittedOffset): Promise<void> {
    const fate = this.fate()
    if (fate !== 'refuse') this.saved = committed
    if (fate === 'commit') return Promise.resolve()
    return Promise.reject(
      new FaultlineError('TRANSACTION_ABORTED', 'the commit of the test failed'),
    )
  }
}

const measurement = (offset: number): KafkaRecord => ({
  key: Buffer.from('A'),
  value: Buffer.from(JSON.stringify({ event_id: String(offset) })),
  timestampMs: 0,
  offset,
})
const removal = (offset: number): KafkaRecord => ({ ...measurement(offset), value: null })
const garbage = (offset: number): KafkaRecord => ({
  ...measurement(offset),
  value: Buffer.from('?'),
})

const decode = (value: Buffer): unknown => {
  if (value.toString() === '?') throw new FaultlineError('RECORD_UNDECODABLE', 'garbage')
  const row: Partial<EnrichedMeasurement> = {
    device_id: 'A',
    measured_at: 0,
    committed_at: 0,
    readings: [],
    revision: 1,
    explanation: [],
    features: {},
    source: { partition: 0, offset: 0, lsn: 0, transaction: null },
    ...(JSON.parse(value.toString()) as { event_id: string }),
  }
  return row
}

interface World {
  readonly group: Group
  readonly warehouse: MemoryWarehouse
}

function open({ group, warehouse }: World, limits = { rowsMax: 4, waitMaxMs: 100 }, clock?: Clock) {
  return new SinkHandler({
    topic,
    offsets: group,
    writer: warehouse,
    decoder: {
      decodeKnown: (value) => ({ value: decode(value) }),
      decode: (value) => Promise.resolve(decode(value)),
    },
    limits: { ...limits, refusedConsecutiveMax: 3 },
    observer: {
      onStored: () => undefined,
      onProgress: () => undefined,
      onRedo: () => undefined,
      onWarehouse: () => undefined,
    },
    clock: clock ?? { now: () => 0, sleep: () => Promise.resolve() },
    logger,
    random: () => 0,
    stopping: new AbortController().signal,
  })
}

const batch = (records: readonly KafkaRecord[], firstOffset: number, endOffset = 1_000) => ({
  topic,
  partition,
  records,
  firstOffset,
  nextOffset: (records.at(-1)?.offset ?? firstOffset - 1) + 1,
  endOffset,
})

const world = (): World => ({ group: new Group(), warehouse: new MemoryWarehouse() })
const offsets = ({ warehouse }: World) => warehouse.rows(topic).map(({ offset }) => offset)
const upTo = (end: number) => Array.from({ length: end }, (_, offset) => offset)

describe('SinkHandler', () => {
  it('announces a full range before it stores it, and confirms it once it has caught up', async () => {
    const w = world()
    const handler = open(w)
    expect(await handler.takeOver(partition)).toBeNull()
    const seen: (CommittedOffset | null)[] = []
    w.warehouse.fate = () => {
      seen.push(w.group.saved)
      return 'write'
    }
    await handler.process(batch(upTo(4).map(measurement), 0, 4))
    expect(seen).toEqual([{ offset: 0, metadata: 'until:4 at:0' }])
    expect(w.group.saved).toEqual({ offset: 4, metadata: '' })
    expect(offsets(w)).toEqual([0, 1, 2, 3])
  })

  it('waits for company, but not longer than the limit', async () => {
    const w = world()
    const time = { now: 0 }
    const clock = { now: () => time.now, sleep: () => Promise.resolve() }
    const handler = open(w, { rowsMax: 4, waitMaxMs: 100 }, clock)
    await handler.takeOver(partition)
    await handler.process(batch([measurement(0)], 0, 4))
    time.now = 99
    expect(handler.due()).toEqual([])
    time.now = 100
    expect(handler.due()).toEqual([partition])
    await handler.flush(partition)
    expect(offsets(w)).toEqual([0])
    expect(handler.due()).toEqual([])
  })

  it('waits longer while at least a whole range is still to come', async () => {
    const w = world()
    const time = { now: 0 }
    const clock = { now: () => time.now, sleep: () => Promise.resolve() }
    const handler = open(w, { rowsMax: 4, waitMaxMs: 100 }, clock)
    await handler.takeOver(partition)
    await handler.process(batch([measurement(0)], 0, 5))
    time.now = 499
    expect(handler.due()).toEqual([])
    time.now = 500
    expect(handler.due()).toEqual([partition])
    await handler.process(batch([measurement(1)], 1, 5))
    time.now = 100
    expect(handler.due()).toEqual([partition])
  })

  it('writes after a clock was set back, instead of waiting until it has caught up', async () => {
    const w = world()
    const time = { now: 3_600_000 }
    const clock: Clock = { now: () => time.now, sleep: () => Promise.resolve() }
    const handler = open(w, { rowsMax: 100, waitMaxMs: 100 }, clock)
    await handler.takeOver(partition)
    await handler.process(batch([measurement(0)], 0))
    time.now = 0
    expect(handler.due()).toEqual([partition])
    await handler.flush(partition)
    expect(offsets(w)).toEqual([0])
  })

  it('tries on while the warehouse is away, and stores once although a reply was lost', async () => {
    const w = world()
    const fates: WriteFate[] = ['refuse', 'write and lose the reply', 'write']
    w.warehouse.fate = () => fates.shift() ?? 'write'
    const handler = open(w)
    await handler.takeOver(partition)
    await handler.process(batch(upTo(4).map(measurement), 0))
    expect(offsets(w)).toEqual([0, 1, 2, 3])
  })

  it('writes nothing when its commit is refused, because the partition has another owner', async () => {
    const w = world()
    w.group.fate = () => 'refuse'
    const handler = open(w)
    await handler.takeOver(partition)
    await expect(handler.process(batch(upTo(4).map(measurement), 0))).rejects.toThrow(
      'TRANSACTION_ABORTED',
    )
    expect(offsets(w)).toEqual([])
  })

  it('finishes exactly the range that a former owner announced', async () => {
    const w = world()
    w.group.saved = { offset: 2, metadata: 'until:5 at:9' }
    const handler = open(w)
    expect(await handler.takeOver(partition)).toBe(2)
    const ranges: (string | undefined)[] = []
    const insertRange = w.warehouse.insertRange.bind(w.warehouse)
    w.warehouse.insertRange = (range, rows) => {
      ranges.push(`${range.start}-${range.end} at ${range.ingestedAt}`)
      return insertRange(range, rows)
    }
    await handler.process(batch([measurement(2), measurement(3)], 2))
    expect(ranges).toEqual([])
    await handler.process(batch([4, 5, 6, 7, 8].map(measurement), 4))
    expect(ranges).toEqual(['2-5 at 9', '5-9 at 0'])
  })

  it('names a range by its last record, not by the transaction marker behind it', async () => {
    const w = world()
    const handler = open(w)
    await handler.takeOver(partition)
    await handler.process({ ...batch(upTo(4).map(measurement), 0), nextOffset: 5 })
    expect(w.group.saved).toEqual({ offset: 0, metadata: 'until:4 at:0' })
    expect(handler.confirmed(partition)).toBe(5)
  })

  it('passes over removals and keeps what cannot be read', async () => {
    const w = world()
    const handler = open(w)
    await handler.takeOver(partition)
    await handler.process(batch([measurement(0), removal(1), garbage(2), measurement(3)], 0, 4))
    await handler.flush(partition)
    expect(offsets(w)).toEqual([0, 3])
    expect(w.warehouse.refused()).toMatchObject([{ offset: 2, reason: 'RECORD_UNDECODABLE' }])
    expect(w.group.saved).toEqual({ offset: 4, metadata: '' })
  })

  it('confirms a stretch without measurements', async () => {
    const w = world()
    const handler = open(w)
    await handler.takeOver(partition)
    await handler.process(batch([removal(0), garbage(1)], 0))
    await handler.flush(partition)
    expect(w.group.saved).toEqual({ offset: 2, metadata: '' })
    expect(w.warehouse.refused()).toHaveLength(1)
  })

  it('stops at a flood of unreadable records', async () => {
    const w = world()
    const handler = open(w)
    await handler.takeOver(partition)
    await expect(handler.process(batch(upTo(4).map(garbage), 0))).rejects.toThrow(
      'DEAD_LETTER_FLOOD',
    )
  })

  it('drops what it holds of a partition that was released', async () => {
    const w = world()
    const handler = open(w)
    await handler.takeOver(partition)
    await handler.process(batch([measurement(0)], 0))
    handler.release(partition)
    expect(handler.due()).toEqual([])
    await handler.flush(partition)
    expect(offsets(w)).toEqual([])
    await expect(handler.process(batch([measurement(1)], 1))).rejects.toThrow('TRANSACTION_ABORTED')
  })
})

describe('SinkHandler, killed anywhere', () => {
  /** What happens at each step a process makes: it goes on, or it ends before or after the step took effect. */
  const fates = fc.array(fc.constantFrom('ok', 'ok', 'ok', 'before', 'after'), { maxLength: 30 })
  const batchSizes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 12 })

  it('stores every record once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fates,
        batchSizes,
        fc.integer({ min: 1, max: 9 }),
        async (plan, sizes, rowsMax) => {
          const w = world()
          const total = sizes.reduce((sum, size) => sum + size, 0)
          const killed = new Error('killed')
          const steps = [...plan]
          const step = async (effect: () => Promise<void>): Promise<void> => {
            const fate = steps.shift() ?? 'ok'
            if (fate === 'before') throw killed
            await effect()
            if (fate === 'after') throw killed
          }
          const doomed: World = {
            group: Object.assign(new Group(), {
              committed: () => w.group.committed(),
              commit: (p: number, c: CommittedOffset) => step(() => w.group.commit(p, c)),
            }),
            warehouse: Object.assign(Object.create(w.warehouse) as MemoryWarehouse, {
              storedNext: w.warehouse.storedNext.bind(w.warehouse),
              insertRange: (...args: Parameters<MemoryWarehouse['insertRange']>) =>
                step(() => w.warehouse.insertRange(...args)),
            }),
          }
          for (let life = 0; offsets(w).length < total && life <= plan.length; life++) {
            const handler = open(doomed, { rowsMax, waitMaxMs: 100 })
            try {
              let next = (await handler.takeOver(partition)) ?? 0
              for (const size of [...sizes.slice(life % sizes.length), total]) {
                const end = Math.min(total, next + size)
                const records = upTo(end).slice(next).map(measurement)
                if (records.length > 0) await handler.process(batch(records, next, total))
                next = end
              }
              await handler.flush(partition)
            } catch (error) {
              if (error !== killed) throw error
            }
          }
          expect(offsets(w)).toEqual(upTo(total))
        },
      ),
    )
  })
})
