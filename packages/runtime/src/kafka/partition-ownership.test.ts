import { describe, expect, it } from 'vitest'
import { systemClock, type Clock } from '../clock.ts'
import { FaultlineError } from '../errors/index.ts'
import { createLogger } from '../logging/index.ts'
import { PartitionOwnership } from './partition-ownership.ts'
import type { PartitionHandler, RecordBatch } from './ports.ts'

const noDelay = { ...systemClock, sleep: () => Promise.resolve() }

/** A handler that writes down what it is asked, and can be told to fail or to wait. */
function recorder(overrides: Partial<PartitionHandler> = {}, clock: Clock = noDelay) {
  const calls: string[] = []
  const fatal: unknown[] = []
  const seeks: [number, number][] = []
  const held = new Set<number>()
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
    bounds: () => Promise.resolve({ first: 0, end: 1_000 }),
    hold: (partition) => held.add(partition),
    goOn: (partition, offset) => {
      held.delete(partition)
      seeks.push([partition, offset])
    },
    clock,
    logger: createLogger('test', 'silent'),
    onFatal: (error) => fatal.push(error),
  })
  return { ownership, calls, fatal, seeks, held }
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

  it('refuses to go on behind records that expired, or beyond the end of the topic (I7)', async () => {
    for (const [offset, code] of [
      [-1, 'RECORDS_EXPIRED'],
      [1_001, 'POSITION_UNKNOWN'],
    ] as const) {
      const { ownership, fatal } = recorder({ takeOver: () => Promise.resolve(offset) })
      ownership.assign([0])
      await ownership.deliver(0, 0, batch(1))
      expect(fatal).toMatchObject([{ code }])
    }
  })

  it('holds a partition back until it is taken over', async () => {
    const gate = Promise.withResolvers<number>()
    const { ownership, held } = recorder({ takeOver: () => gate.promise })
    ownership.assign([0])
    expect([...held]).toEqual([0])
    gate.resolve(10)
    await ownership.deliver(0, 10, batch(11))
    expect([...held]).toEqual([])
  })

  // Hypothesis: a takeOver that is still under way when the group assigns anew ends after its successor, and releases or
  // replaces what the successor holds.
  it('lets a former assignment end before its successor begins, whatever it ends with (I1)', async () => {
    const first = Promise.withResolvers<number>()
    const log: string[] = []
    let takeOvers = 0
    const { ownership, fatal } = recorder({
      takeOver: async () => {
        const n = ++takeOvers
        log.push(`begin ${n}`)
        try {
          return await (n === 1 ? first.promise : Promise.resolve(10))
        } finally {
          log.push(`end ${n}`)
        }
      },
      release: () => log.push('release'),
    })
    ownership.assign([0])
    await new Promise(setImmediate)
    ownership.assign([])
    ownership.assign([0])
    first.reject(new FaultlineError('BROKER_UNAVAILABLE', 'away'))
    await ownership.deliver(0, 10, batch(11))
    expect(log.indexOf('end 1')).toBeLessThan(log.indexOf('begin 2'))
    expect(log.lastIndexOf('release')).toBeLessThan(log.indexOf('begin 2'))
    expect(ownership.owned()).toEqual([0])
    expect(fatal).toEqual([])
  })

  it('does not end the process for what a former assignment fails with', async () => {
    const gate = Promise.withResolvers<undefined>()
    const { ownership, fatal } = recorder({
      process: async () => {
        await gate.promise
        throw new FaultlineError('PRODUCER_FENCED', 'a newer owner exists')
      },
    })
    ownership.assign([0])
    const stale = ownership.deliver(0, 10, batch(11))
    await new Promise(setImmediate)
    ownership.assign([])
    gate.resolve(undefined)
    await stale
    expect(fatal).toEqual([])
  })

  // Hypothesis: a member that is fenced while the group still calls it the owner ends, or takes the partition back at once and
  // fences its successor in turn.
  describe.each(['PRODUCER_FENCED', 'SERVING_STORE_FENCED'] as const)('fenced by %s', (code) => {
    function fencedOnce() {
      const asleep: { ms: number; wake: () => void }[] = []
      const clock = {
        ...systemClock,
        sleep: (ms: number, signal?: AbortSignal) =>
          new Promise<void>((resolve, reject) => {
            asleep.push({ ms, wake: resolve })
            signal?.addEventListener('abort', () => {
              reject(new Error('aborted'))
            })
          }),
      }
      let failures = 1
      const parts = recorder(
        {
          process: () =>
            failures-- > 0
              ? Promise.reject(new FaultlineError(code, 'a newer owner exists'))
              : Promise.resolve(),
        },
        clock,
      )
      return { ...parts, asleep }
    }

    it('leaves the partition alone, and takes it over again when it is still assigned (I9)', async () => {
      const { ownership, calls, fatal, held, asleep } = fencedOnce()
      ownership.assign([0])
      await ownership.deliver(0, 10, batch(11))
      expect(calls).toEqual(['takeOver 0', 'release 0'])
      expect([...held]).toEqual([0])
      expect(ownership.owned()).toEqual([])
      expect(asleep.map(({ ms }) => ms)).toEqual([10_000])
      asleep[0]?.wake()
      await new Promise(setImmediate)
      expect(calls).toEqual(['takeOver 0', 'release 0', 'takeOver 0'])
      expect(ownership.owned()).toEqual([0])
      expect(fatal).toEqual([])
    })

    it('does not take over what went to another meanwhile, and a new assignment does not wait (I9)', async () => {
      const { ownership, calls, asleep } = fencedOnce()
      ownership.assign([0])
      await ownership.deliver(0, 10, batch(11))
      ownership.assign([0])
      await new Promise(setImmediate)
      expect(calls.filter((call) => call === 'takeOver 0')).toHaveLength(2)
      ownership.assign([])
      asleep[0]?.wake()
      await new Promise(setImmediate)
      expect(calls.filter((call) => call === 'takeOver 0')).toHaveLength(2)
      await ownership.stop()
    })
  })

  it('gives up a batch that always rewinds, instead of trying for ever', async () => {
    const { ownership, fatal } = recorder({
      process: () => Promise.reject(new FaultlineError('TRANSACTION_ABORTED', 'always')),
    })
    ownership.assign([0])
    for (let n = 0; n < 20; n++) await ownership.deliver(0, 10, batch(11))
    expect(fatal).toMatchObject([{ code: 'TRANSACTION_ABORTED' }])
  })

  it('gives up a batch that always rewinds also where work between batches succeeds (I10)', async () => {
    const { ownership, fatal } = recorder({
      process: () => Promise.reject(new FaultlineError('TRANSACTION_ABORTED', 'always')),
    })
    ownership.assign([0])
    for (let n = 0; n < 20; n++) {
      await ownership.deliver(0, 10, batch(11))
      await ownership.between(0, () => Promise.resolve())
    }
    expect(fatal).toMatchObject([{ code: 'TRANSACTION_ABORTED' }])
  })

  it('goes on after any number of rewinds between batches that were made good each time (I10)', async () => {
    const { ownership, fatal, calls } = recorder()
    const lost = new FaultlineError('SERVING_STORE_BEHIND', 'lost')
    ownership.assign([0])
    for (let n = 0; n < 20; n++) {
      await ownership.between(0, () => Promise.reject(lost))
      await ownership.between(0, () => Promise.resolve())
    }
    await ownership.deliver(0, 10, batch(11))
    expect(fatal).toEqual([])
    expect(calls.at(-1)).toBe('process 10-11')
  })

  it('waits for former assignments, too, when it stops (I6)', async () => {
    const gate = Promise.withResolvers<undefined>()
    let ended = false
    const { ownership } = recorder({
      process: async () => {
        await gate.promise
        ended = true
      },
    })
    ownership.assign([0])
    void ownership.deliver(0, 10, batch(11))
    await new Promise(setImmediate)
    ownership.assign([])
    const stopping = ownership.stop()
    gate.resolve(undefined)
    await stopping
    expect(ended).toBe(true)
  })
})
