import { describe, expect, it } from 'vitest'
import { systemClock } from '../clock.ts'
import { FaultlineError } from '../errors/index.ts'
import { createLogger } from '../logging/index.ts'
import { PartitionOwnership } from './partition-ownership.ts'
import type { PartitionHandler, RecordBatch } from './ports.ts'

const noDelay = { ...systemClock, sleep: () => Promise.resolve() }

/** A handler that writes down what it is asked, and can be told to fail or to wait. */
function recorder(overrides: Partial<PartitionHandler> = {}) {
  const calls: string[] = []
  const fatal: unknown[] = []
  const seeks: [number, number][] = []
  let running = 0
  const handler: PartitionHandler = {
    takeOver: (partition) => {
      calls.push(`takeOver ${partition}`)
      return Promise.resolve(10)
    },
    process: async (batch) => {
      expect(++running, 'calls overlap').toBe(1)
      await Promise.resolve()
      calls.push(`process ${batch.firstOffset}-${batch.nextOffset}`)
      running--
    },
    release: (partition) => {
      calls.push(`release ${partition}`)
    },
    ...overrides,
  }
  const ownership = new PartitionOwnership({
    handler,
    defaultStart: () => Promise.resolve(0),
    firstOffset: () => Promise.resolve(0),
    seek: (partition, offset) => {
      seeks.push([partition, offset])
    },
    clock: noDelay,
    logger: createLogger('test', 'silent'),
    onFatal: (error) => fatal.push(error),
  })
  return { ownership, calls, fatal, seeks }
}

const batch = (nextOffset: number) => (): Omit<RecordBatch, 'firstOffset'> => ({
  topic: 't',
  partition: 0,
  records: [],
  nextOffset,
  endOffset: nextOffset,
})

describe('PartitionOwnership', () => {
  it('takes over before the first batch, and sends the reader to the offset it learned (I3)', async () => {
    const { ownership, calls, seeks } = recorder()
    ownership.assign([0])
    await ownership.deliver(0, 10, batch(12))
    expect(calls).toEqual(['takeOver 0', 'process 10-12'])
    expect(seeks).toEqual([[0, 10]])
  })

  it('hands over contiguous batches only: a fetch from elsewhere is dropped (I2)', async () => {
    const { ownership, calls, seeks } = recorder()
    ownership.assign([0])
    await ownership.deliver(0, 7, batch(9))
    await ownership.deliver(0, 11, batch(13))
    await ownership.deliver(0, 10, batch(11))
    await ownership.deliver(0, 11, batch(13))
    expect(calls).toEqual(['takeOver 0', 'process 10-11', 'process 11-13'])
    expect(seeks).toEqual([
      [0, 10],
      [0, 10],
      [0, 10],
    ])
  })

  it('covers markers that the reader skipped, and only from where it stands (I2)', async () => {
    const { ownership, calls } = recorder()
    ownership.assign([0])
    await ownership.deliver(0, 10, batch(12))
    ownership.passed(0, 12, 13)
    ownership.passed(0, 99, 100)
    await ownership.deliver(0, 13, batch(14))
    expect(calls.slice(1)).toEqual(['process 10-12', 'process 12-14'])
  })

  it('never overlaps calls for one partition (I1)', async () => {
    const { ownership, calls } = recorder()
    ownership.assign([0])
    await Promise.all([
      ownership.deliver(0, 10, batch(11)),
      ownership.between(0, () => {
        calls.push('between')
        return Promise.resolve()
      }),
      ownership.deliver(0, 11, batch(12)),
    ])
    expect(calls).toEqual(['takeOver 0', 'process 10-11', 'between', 'process 11-12'])
  })

  it('takes a partition over anew at every assignment, and drops what was delivered before (I3, I4)', async () => {
    const { ownership, calls } = recorder()
    ownership.assign([0])
    const late = ownership.deliver(0, 10, batch(11))
    ownership.assign([0])
    await late
    await ownership.deliver(0, 10, batch(12))
    expect(calls.filter((call) => call.startsWith('process'))).toEqual(['process 10-12'])
    ownership.assign([1])
    await ownership.deliver(0, 12, batch(13))
    expect(calls.filter((call) => call.startsWith('process'))).toEqual(['process 10-12'])
  })

  it('releases and takes over again after a rewind, then goes on (I4)', async () => {
    let failures = 1
    const processed: number[] = []
    const { ownership, calls, fatal } = recorder({
      process: ({ firstOffset }) => {
        if (failures-- > 0) return Promise.reject(new FaultlineError('TRANSACTION_ABORTED', 'once'))
        processed.push(firstOffset)
        return Promise.resolve()
      },
    })
    ownership.assign([0])
    await ownership.deliver(0, 10, batch(11))
    await ownership.deliver(0, 10, batch(11))
    expect(calls).toEqual(['takeOver 0', 'release 0', 'takeOver 0'])
    expect(processed).toEqual([10])
    expect(fatal).toEqual([])
  })

  it('keeps trying to take over while a back end is away', async () => {
    let failures = 3
    const { ownership, calls } = recorder({
      takeOver: () =>
        failures-- > 0
          ? Promise.reject(new FaultlineError('BROKER_UNAVAILABLE', 'away'))
          : Promise.resolve(10),
    })
    ownership.assign([0])
    await ownership.deliver(0, 10, batch(11))
    expect(calls.at(-1)).toBe('process 10-11')
  })

  it('ends the process once for an unknown error, and does nothing after it (I5)', async () => {
    const { ownership, calls, fatal } = recorder({
      process: () => Promise.reject(new Error('bug')),
    })
    ownership.assign([0, 1])
    await ownership.deliver(0, 10, batch(11))
    await ownership.deliver(1, 10, batch(11))
    await ownership.deliver(0, 11, batch(12))
    expect(fatal).toHaveLength(1)
    expect(calls.filter((call) => call.startsWith('process'))).toEqual([])
  })

  it('waits for what is under way when it stops, and lets nothing new begin (I6)', async () => {
    const hold = Promise.withResolvers<undefined>()
    const processed: number[] = []
    const { ownership } = recorder({
      process: async ({ firstOffset }) => {
        await hold.promise
        processed.push(firstOffset)
      },
    })
    ownership.assign([0])
    const first = ownership.deliver(0, 10, batch(11))
    const waiting = ownership.deliver(0, 11, batch(12))
    // Let the first one begin before stopping.
    await new Promise(setImmediate)
    const stopping = ownership.stop()
    hold.resolve(undefined)
    await Promise.all([first, waiting, stopping])
    expect(processed).toEqual([10])
  })

  it('refuses to go on behind records that expired (I7)', async () => {
    const { ownership, fatal } = recorder({ takeOver: () => Promise.resolve(-1) })
    ownership.assign([0])
    await ownership.deliver(0, 0, batch(1))
    expect(fatal).toMatchObject([{ code: 'RECORDS_EXPIRED' }])
  })
})
