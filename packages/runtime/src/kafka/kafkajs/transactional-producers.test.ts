import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Clock } from '../../clock.ts'
import type { OutputRecord } from '../ports.ts'
import type { TransactionRequests } from './transaction-requests.ts'
import { splitSends, transactionalProducers } from './transactional-producers.ts'

const record = (bytes: number, topic = 't'): OutputRecord => ({
  topic,
  key: null,
  value: Buffer.alloc(bytes),
})

describe('splitSends', () => {
  it('sends small records together', () => {
    expect(splitSends(Array.from({ length: 100 }, () => record(1_000)))).toHaveLength(1)
  })

  it('sends a record over the limit alone, for the broker to judge', () => {
    expect(
      splitSends([record(10), record(900_000), record(10)]).map(({ length }) => length),
    ).toEqual([1, 1, 1])
  })

  it('keeps every record, in order, in sends below the limit', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(300_000), { maxLength: 40 }), (sizes) => {
        const records = sizes.map((size) => record(size))
        const sends = splitSends(records)
        expect(sends.flat()).toEqual(records)
        for (const send of sends) {
          const bytes = send.reduce((sum, { value }) => sum + (value?.length ?? 0), 0)
          expect(bytes).toBeLessThanOrEqual(700_000)
          expect(send.length).toBeGreaterThan(0)
        }
      }),
    )
  })
})

type Request = Exclude<keyof TransactionRequests, 'close'>

class Refusal extends Error {
  readonly type: string
  readonly retriable: boolean

  constructor(type: string, retriable = false) {
    super(type)
    this.type = type
    this.retriable = retriable
  }
}

/** Answers every request in a later turn of the event loop, or refuses it as it was told to, and notes the order. */
class Broker implements TransactionRequests {
  /** Requests and their answers: `+commit` when it came, `-commit` when it was answered. */
  readonly log: string[] = []
  readonly sequences: string[] = []
  readonly #refusals: { readonly request: Request; readonly error: Error }[] = []
  #epoch = 0

  refuse(request: Request, error: Error, times = 1): void {
    for (let n = 0; n < times; n++) this.#refusals.push({ request, error })
  }

  async initProducer() {
    await this.#answer('initProducer')
    return { id: '7', epoch: this.#epoch++ }
  }

  addPartitions(): Promise<void> {
    return this.#answer('addPartitions')
  }

  addOffsets(): Promise<void> {
    return this.#answer('addOffsets')
  }

  produce(...[, partition, batches]: Parameters<TransactionRequests['produce']>): Promise<void> {
    for (const { topic, firstSequence, records } of batches) {
      this.sequences.push(`${topic}/${partition}: ${firstSequence} +${records.length}`)
    }
    return this.#answer('produce')
  }

  commitOffset(): Promise<void> {
    return this.#answer('commitOffset')
  }

  commit(): Promise<void> {
    return this.#answer('commit')
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  async #answer(request: Request): Promise<void> {
    this.log.push(`+${request}`)
    await new Promise(setImmediate)
    const refusal = this.#refusals.find((one) => one.request === request)
    if (refusal !== undefined) {
      this.#refusals.splice(this.#refusals.indexOf(refusal), 1)
      throw refusal.error
    }
    this.log.push(`-${request}`)
  }
}

const consumed = { group: 'g', topic: 'in', nextOffset: 9 }

function setUp() {
  const broker = new Broker()
  const waits: number[] = []
  const clock: Clock = {
    now: () => 0,
    sleep: (ms) => {
      waits.push(ms)
      return Promise.resolve()
    },
  }
  return { broker, waits, producers: transactionalProducers(() => broker, clock) }
}

describe('a transaction', () => {
  it('asks together for what does not need the other answer, and commits when all are in', async () => {
    const { broker, producers } = setUp()
    const producer = await producers.open('id')
    broker.log.length = 0
    await producer.commit({ partition: 1, records: [record(1)], consumed })
    expect(broker.log.slice(0, 2).sort()).toEqual(['+addOffsets', '+addPartitions'])
    expect(broker.log.slice(4, 6).sort()).toEqual(['+commitOffset', '+produce'])
    expect(broker.log.slice(-2)).toEqual(['+commit', '-commit'])
    expect(broker.log).toHaveLength(10)
  })

  it('asks for nothing it does not need', async () => {
    const { broker, producers } = setUp()
    const producer = await producers.open('id')
    broker.log.length = 0
    await producer.commit({ partition: 1, records: [], consumed: null })
    expect(broker.log).toEqual([])
    await producer.commit({ partition: 1, records: [], consumed })
    expect(broker.log.filter((line) => line.startsWith('+'))).toEqual([
      '+addOffsets',
      '+commitOffset',
      '+commit',
    ])
  })

  it('begins with what was planned, and adds only what was not', async () => {
    const { broker, producers } = setUp()
    const producer = await producers.open('id')
    broker.log.length = 0
    producer.plan({ partition: 1, topics: ['t'], group: 'g' })
    expect(broker.log.toSorted()).toEqual(['+addOffsets', '+addPartitions'])
    await producer.commit({ partition: 1, records: [record(1)], consumed })
    expect(broker.log.slice(4, 6).toSorted()).toEqual(['+commitOffset', '+produce'])
    expect(broker.log).toHaveLength(10)
    producer.plan({ partition: 1, topics: ['t'], group: 'g' })
    await producer.commit({ partition: 1, records: [record(1, 'u')], consumed })
    expect(broker.log.slice(10).filter((line) => line === '+addPartitions')).toHaveLength(2)
    expect(broker.log.slice(10).filter((line) => line === '+addOffsets')).toHaveLength(1)
  })

  it('does not commit what was planned and could not begin', async () => {
    const { broker, producers } = setUp()
    const producer = await producers.open('id')
    broker.refuse('addOffsets', new Refusal('INVALID_PRODUCER_EPOCH'))
    producer.plan({ partition: 1, topics: ['t'], group: 'g' })
    await new Promise(setImmediate)
    await expect(
      producer.commit({ partition: 1, records: [record(1)], consumed }),
    ).rejects.toMatchObject({ code: 'PRODUCER_FENCED' })
    expect(broker.log).not.toContain('+produce')
  })

  it('ends what was planned though nothing is to be written', async () => {
    const { broker, producers } = setUp()
    const producer = await producers.open('id')
    producer.plan({ partition: 1, topics: ['t'], group: 'g' })
    await producer.commit({ partition: 1, records: [], consumed: null })
    expect(broker.log.at(-1)).toBe('-commit')
  })

  it('numbers the records of each topic and partition without a gap', async () => {
    const { broker, producers } = setUp()
    const producer = await producers.open('id')
    await producer.commit({
      partition: 1,
      records: [record(400_000), record(1, 'u'), record(400_000)],
      consumed,
    })
    await producer.commit({ partition: 1, records: [record(1), record(1, 'u')], consumed: null })
    expect(broker.sequences).toEqual([
      't/1: 0 +1',
      'u/1: 0 +1',
      't/1: 1 +1',
      't/1: 2 +1',
      'u/1: 1 +1',
    ])
  })

  it('waits for the markers of the one before, longer each time', async () => {
    const { broker, waits, producers } = setUp()
    const producer = await producers.open('id')
    broker.refuse('addPartitions', new Refusal('CONCURRENT_TRANSACTIONS', true), 3)
    broker.refuse('addOffsets', new Refusal('CONCURRENT_TRANSACTIONS', true))
    await producer.commit({ partition: 1, records: [record(1)], consumed })
    expect(waits.sort()).toEqual([1, 1, 2, 4])
    expect(broker.log.at(-1)).toBe('-commit')
  })

  it('gives up on markers that do not come', async () => {
    const { broker, waits, producers } = setUp()
    const producer = await producers.open('id')
    broker.refuse('addPartitions', new Refusal('CONCURRENT_TRANSACTIONS', true), 1_000)
    await expect(
      producer.commit({ partition: 1, records: [record(1)], consumed }),
    ).rejects.toMatchObject({ code: 'TRANSACTION_ABORTED' })
    expect(waits.reduce((sum, ms) => sum + ms)).toBeGreaterThanOrEqual(10_000)
    expect(waits.length).toBeLessThan(100)
  })

  it.each(['addPartitions', 'addOffsets', 'produce', 'commitOffset', 'commit'] as const)(
    'never commits after a failed %s, and is spent',
    async (request) => {
      const { broker, producers } = setUp()
      const producer = await producers.open('id')
      broker.refuse(request, new Refusal('REQUEST_TIMED_OUT', true))
      const transaction = { partition: 1, records: [record(1)], consumed }
      await expect(producer.commit(transaction)).rejects.toMatchObject({
        code: 'TRANSACTION_ABORTED',
      })
      await new Promise(setImmediate)
      expect(broker.log.filter((line) => line === '+commit')).toHaveLength(
        request === 'commit' ? 1 : 0,
      )
      await expect(producer.commit(transaction)).rejects.toThrow('used after a failure')
    },
  )

  it('stops waiting for markers once another request has failed', async () => {
    const { broker, waits, producers } = setUp()
    const producer = await producers.open('id')
    broker.refuse('addOffsets', new Refusal('INVALID_PRODUCER_EPOCH'))
    broker.refuse('addPartitions', new Refusal('CONCURRENT_TRANSACTIONS', true), 1_000)
    await expect(
      producer.commit({ partition: 1, records: [record(1)], consumed }),
    ).rejects.toMatchObject({ code: 'PRODUCER_FENCED' })
    await new Promise(setImmediate)
    const waited = waits.length
    await new Promise(setImmediate)
    expect(waits).toHaveLength(waited)
    expect(waited).toBeLessThan(4)
  })
})

describe('taking an id over', () => {
  it('asks again where that may help', async () => {
    const { broker, producers } = setUp()
    broker.refuse('initProducer', new Refusal('CONCURRENT_TRANSACTIONS', true), 5)
    await producers.open('id')
    expect(broker.log.filter((line) => line === '+initProducer')).toHaveLength(6)
  })

  it('does not where it may not', async () => {
    const { broker, producers } = setUp()
    broker.refuse('initProducer', new Refusal('TRANSACTIONAL_ID_AUTHORIZATION_FAILED'))
    await expect(producers.open('id')).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' })
    expect(broker.log).toEqual(['+initProducer'])
  })
})
