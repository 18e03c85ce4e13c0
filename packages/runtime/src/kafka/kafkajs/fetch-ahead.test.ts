import { EventEmitter } from 'node:events'
import type { ConsumerRunConfig, EachBatchPayload } from 'kafkajs'
import { expect, it } from 'vitest'
import type { RecordBatch } from '../ports.ts'
import { fetchAhead } from './fetch-ahead.ts'

type Options = Parameters<typeof fetchAhead>[0]
const events = {
  END_BATCH_PROCESS: 'end',
  CRASH: 'crash',
} as unknown as Options['consumer']['events']

/** What kafkajs does with a consumer, as far as it matters here: it calls eachBatch, and fetches on when that is done. */
class FakeConsumer {
  readonly emitter = new EventEmitter()
  readonly events = events
  isConnected = false
  #run: ConsumerRunConfig | undefined
  joining: Promise<void> = Promise.resolve()

  readonly on = (event: string, listener: (found: { payload: unknown }) => void) => {
    this.emitter.on(event, listener)
    return () => undefined
  }
  connect(): Promise<void> {
    this.isConnected = true
    return Promise.resolve()
  }
  subscribe = () => this.joining
  run(config: ConsumerRunConfig): Promise<void> {
    this.#run = config
    return Promise.resolve()
  }
  disconnect(): Promise<void> {
    this.isConnected = false
    return Promise.resolve()
  }

  /** Whether kafkajs may fetch on: what eachBatch returned. */
  fetched(firstOffset: number, partition = 0): Promise<void> {
    const batch = {
      ...{ topic: 't', partition, fetchedOffset: String(firstOffset), highWatermark: '100' },
      ...{ messages: [], lastOffset: () => String(firstOffset + 9) },
    }
    const payload = { batch, heartbeat: () => Promise.resolve() }
    return this.#run?.eachBatch?.(payload as unknown as EachBatchPayload) ?? Promise.reject(Error())
  }
}

async function started(deliver: Options['deliver']) {
  const consumer = new FakeConsumer()
  const passed: number[][] = []
  const fatal: unknown[] = []
  await fetchAhead({
    consumer: consumer as unknown as Options['consumer'],
    topic: 't',
    purpose: 'testing',
    deliver,
    passed: (...range) => passed.push(range),
    onFatal: (error) => fatal.push(error),
  })
  return { consumer, passed, fatal }
}

const settled = (promise: Promise<void>) =>
  Promise.race([
    promise.then(
      () => 'fetches on',
      () => 'stops fetching',
    ),
    new Promise((resolve) => setImmediate(resolve, 'waits')),
  ])

it('lets the next batch be fetched while one is worked on, and no third', async () => {
  const work = [0, 1, 2].map(() => Promise.withResolvers<undefined>())
  const delivered: RecordBatch[] = []
  const { consumer } = await started((batch) => {
    delivered.push(batch)
    return work[delivered.length - 1]?.promise ?? Promise.resolve()
  })
  expect(await settled(consumer.fetched(0))).toBe('fetches on')
  const second = consumer.fetched(10)
  expect(await settled(second)).toBe('waits')
  expect(delivered).toMatchObject([
    { partition: 0, firstOffset: 0, nextOffset: 10, endOffset: 100 },
    { partition: 0, firstOffset: 10, nextOffset: 20 },
  ])
  expect(await settled(consumer.fetched(0, 1))).toBe('fetches on')
  work[0]?.resolve(undefined)
  expect(await settled(second)).toBe('fetches on')
})

it('tells kafkajs of a failure with the next batch of the partition', async () => {
  const { consumer } = await started(({ firstOffset }) =>
    firstOffset === 0 ? Promise.reject(new Error('no room')) : Promise.resolve(),
  )
  expect(await settled(consumer.fetched(0))).toBe('fetches on')
  expect(await settled(consumer.fetched(10))).toBe('stops fetching')
})

it('passes on what held no record, and a crash that kafkajs does not mend', async () => {
  const { consumer, passed, fatal } = await started(() => Promise.resolve())
  const end = (batchSize: number) =>
    consumer.emitter.emit('end', {
      payload: { batchSize, partition: 3, firstOffset: '7', lastOffset: '9' },
    })
  end(2)
  end(0)
  expect(passed).toEqual([[3, 7, 10]])
  consumer.emitter.emit('crash', { payload: { restart: true, error: new Error('again') } })
  expect(fatal).toEqual([])
  consumer.emitter.emit('crash', { payload: { restart: false, error: new Error('over') } })
  expect(fatal).toMatchObject([{ code: 'BROKER_UNAVAILABLE' }])
})

it('leaves no connection where it cannot begin', async () => {
  const consumer = new FakeConsumer()
  consumer.joining = Promise.reject(new Error('no such topic'))
  const options = { topic: 't', purpose: 'testing', onFatal: () => expect.unreachable() }
  const beginning = fetchAhead({
    ...options,
    consumer: consumer as unknown as Options['consumer'],
    deliver: () => expect.unreachable(),
    passed: () => expect.unreachable(),
  })
  await expect(beginning).rejects.toMatchObject({ code: 'BROKER_UNAVAILABLE' })
  expect(consumer.isConnected).toBe(false)
})
