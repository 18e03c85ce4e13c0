import { afterEach, describe, expect, it } from 'vitest'
import { startApiUnderTest, type ApiUnderTest } from '../testing/api-under-test.ts'
import { sampleDevice, sampleEvent, sampleTimeMs } from '../testing/samples.ts'

interface ServerSentEvent {
  readonly id: string
  readonly event: string
  readonly data: Readonly<Record<string, unknown>>
}

let api: ApiUnderTest
const streams: Stream[] = []
afterEach(async () => {
  for (const stream of streams.splice(0)) await stream.close()
  await api.stop()
})

/** Reads a stream of events as a browser would. */
class Stream {
  readonly #abort: AbortController
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #decoder = new TextDecoder()
  #rest = ''
  #id = ''

  constructor(reader: ReadableStreamDefaultReader<Uint8Array>, abort: AbortController) {
    this.#reader = reader
    this.#abort = abort
  }

  /** The next event of this name. */
  async next(name: string): Promise<ServerSentEvent> {
    for (;;) {
      const end = this.#rest.indexOf('\n\n')
      if (end < 0) {
        const { value, done } = await this.#reader.read()
        if (done) throw new Error(`the stream ended before ${name}`)
        this.#rest += this.#decoder.decode(value, { stream: true })
        continue
      }
      const block = this.#rest.slice(0, end)
      this.#rest = this.#rest.slice(end + 2)
      const fields = new Map(
        block.split('\n').map((line) => {
          const [field = '', ...value] = line.split(': ')
          return [field, value.join(': ')]
        }),
      )
      this.#id = fields.get('id') ?? this.#id
      if (fields.get('event') === name) {
        const data = JSON.parse(fields.get('data') ?? '{}') as Record<string, unknown>
        return { id: this.#id, event: name, data }
      }
      if (name === 'comment' && fields.has('')) return { id: this.#id, event: name, data: {} }
    }
  }

  async close() {
    this.#abort.abort()
    await this.#reader.cancel().catch(() => undefined)
  }
}

async function connect(lastEventId?: string): Promise<Stream> {
  const abort = new AbortController()
  const response = await fetch(`${api.origin}/api/live`, {
    signal: abort.signal,
    headers: lastEventId === undefined ? {} : { 'last-event-id': lastEventId },
  })
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
  const stream = new Stream(response.body?.getReader() as never, abort)
  streams.push(stream)
  return stream
}

/** A fleet of one device with a fault, applied up to the given offset. */
function apply(offset: number, faultScore = 0.5) {
  const { serving } = api
  serving.halfLifeMs = 3_600_000
  serving.devices.set('AC-0042', sampleDevice({ fault_score: faultScore }))
  serving.rankings.set('all:live', [{ deviceId: 'AC-0042', score: sampleTimeMs + offset }])
  serving.fleet.splice(0, 1, {
    type: 'hvac',
    devices: 1,
    devices_normal: 0,
    devices_warning: 1,
    devices_critical: 0,
    events: offset,
    faults: offset,
  })
  const stream = serving.streams.get('hvac') ?? []
  stream.push({
    id: `1-${offset}`,
    event: sampleEvent({ event_id: `${offset}`, enriched_offset: offset }),
  })
  serving.streams.set('hvac', stream)
  serving.progress = [{ partition: 0, offset, measuredAt: sampleTimeMs }]
}

describe('GET /api/live', () => {
  it('tells the present, then every change', async () => {
    api = await startApiUnderTest()
    apply(1)
    const stream = await connect()
    await stream.next('hello')
    expect((await stream.next('fleet')).data).toMatchObject({ types: [{ type: 'hvac' }] })
    expect((await stream.next('ranking')).data).toMatchObject({
      type: 'all',
      devices: [{ device_id: 'AC-0042' }],
    })
    expect((await stream.next('devices')).data).toMatchObject({ devices: [{ event_id: '1' }] })
    // The first look goes by the newest commit, because nobody watched the store before.
    expect((await stream.next('progress')).data).toMatchObject({
      at: new Date(sampleEvent().committed_at).toISOString(),
      as_of: [{ partition: 0, offset: 1 }],
    })
    apply(2)
    expect((await stream.next('devices')).data).toMatchObject({ devices: [{ event_id: '2' }] })
    expect((await stream.next('progress')).data).toMatchObject({ as_of: [{ offset: 2 }] })
  })

  it('goes on where a client was', async () => {
    api = await startApiUnderTest()
    apply(1)
    const staying = await connect()
    const leaving = await connect()
    const seen = await leaving.next('progress')
    await leaving.close()
    apply(2)
    await staying.next('progress')
    await staying.next('progress')
    const back = await connect(seen.id)
    expect((await back.next('devices')).data).toMatchObject({ devices: [{ event_id: '2' }] })
    const stranger = await connect('otherboot-3')
    await stranger.next('reset')
  })

  it('reads the store once a turn, however many listen', async () => {
    api = await startApiUnderTest()
    apply(1)
    const many = await Promise.all(Array.from({ length: 20 }, () => connect()))
    for (const stream of many) await stream.next('progress')
    apply(2)
    const ids = await Promise.all(many.map(async (stream) => (await stream.next('progress')).id))
    expect(new Set(ids).size).toBe(1)
  })

  it('keeps streams open while Redis is away, and says so', async () => {
    api = await startApiUnderTest()
    apply(1)
    const stream = await connect()
    await stream.next('progress')
    api.serving.isAway = true
    expect((await stream.next('unavailable')).data).toEqual({ code: 'SERVING_STORE_UNAVAILABLE' })
    apply(2)
    api.serving.isAway = false
    expect((await stream.next('progress')).data).toMatchObject({ as_of: [{ offset: 2 }] })
    expect(api.failures).toEqual([])
  })

  it('sends a comment when nothing happens', async () => {
    api = await startApiUnderTest({ heartbeatMs: 20 })
    const stream = await connect()
    await stream.next('comment')
  })

  it('refuses one client too many', async () => {
    api = await startApiUnderTest({ clientsMax: 1 })
    await connect()
    const { status, problem, headers } = await api.get('/api/live')
    expect([status, problem.code, headers.get('retry-after')]).toEqual([429, 'RATE_LIMITED', '1'])
  })

  it('ends streams when the process stops', async () => {
    api = await startApiUnderTest()
    const stream = await connect()
    await stream.next('hello')
    await api.hub.stop()
    await expect(stream.next('never')).rejects.toThrow('the stream ended')
  })
})
