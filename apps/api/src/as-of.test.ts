import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Progress } from './ports/progress.ts'
import { startApiUnderTest, type ApiUnderTest } from './testing/api-under-test.ts'
import { sampleDevice, sampleEvent, sampleTimeMs } from './testing/samples.ts'

/** A request for each route that answers from a store. A route that is not here fails the first test. */
const samples: Readonly<Record<string, { path: string; body?: unknown; isHistory?: true }>> = {
  'get /api/devices': { path: '/api/devices?line=Line%202&limit=1' },
  'post /api/devices/lookup': { path: '/api/devices/lookup', body: { ids: ['AC-0042'] } },
  'get /api/devices/{id}': { path: '/api/devices/AC-0042' },
  'get /api/faults/top': { path: '/api/faults/top' },
  'get /api/fleet': { path: '/api/fleet' },
  'get /api/events/{type}': { path: '/api/events/hvac' },
  'get /api/devices/{id}/metrics': {
    path: '/api/devices/AC-0042/metrics?metric_name=temp_supply_air&granularity=raw',
    isHistory: true,
  },
  'get /api/devices/{id}/anomaly': {
    path: '/api/devices/AC-0042/anomaly?metric_name=temp_supply_air',
    isHistory: true,
  },
  'get /api/devices/{id}/events': { path: '/api/devices/AC-0042/events', isHistory: true },
  'get /api/devices/{id}/channels': { path: '/api/devices/AC-0042/channels', isHistory: true },
}
const requests = Object.entries(samples)
const fromRedis = requests.filter(([, { isHistory }]) => isHistory === undefined)

const progress: Progress = [
  { partition: 0, offset: 415, measuredAt: sampleTimeMs },
  { partition: 1, offset: 7, measuredAt: null },
]
const asOf = [
  { partition: 0, offset: 415, measured_at: '2026-11-21T09:30:00.000Z' },
  { partition: 1, offset: 7, measured_at: null },
]

let api: ApiUnderTest
beforeEach(async () => {
  api = await startApiUnderTest()
  api.serving.devices.set('AC-0042', sampleDevice())
  api.serving.rankings.set('all:live', [{ deviceId: 'AC-0042', score: sampleTimeMs }])
  api.serving.streams.set('hvac', [{ id: '1-1', event: sampleEvent() }])
  api.serving.halfLifeMs = 3_600_000
  api.serving.progress = progress
  api.warehouse.progress = progress
  api.warehouse.rolledUp = progress
})
afterEach(async () => {
  await api.stop()
})

function ask(name: string, more = '') {
  const { path, body } = samples[name] ?? { path: '' }
  const asked = more === '' ? path : `${path}${path.includes('?') ? '&' : '?'}${more}`
  return body === undefined ? api.get(asked) : api.post(asked, body)
}

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
  readonly responses: Readonly<Record<string, { readonly headers?: object }>>
}

/** The stream carries as_of in each event; what is taken in goes to PostgreSQL. */
const answersFromNoStore = new Set(['get /api/live', 'post /api/measurements'])

describe('every route that answers from a store', () => {
  it('takes min_offset and carries as_of, says the OpenAPI document', async () => {
    const { body } = await api.get('/openapi.json')
    const paths = body['paths'] as Record<string, Record<string, Operation>>
    const operations = Object.entries(paths)
      .flatMap(([path, methods]) =>
        Object.entries(methods).map(([method, it]) => ({ name: `${method} ${path}`, ...it })),
      )
      .filter(({ name }) => name.includes(' /api/') && !answersFromNoStore.has(name))
    expect(operations.map(({ name }) => name).toSorted()).toEqual(Object.keys(samples).toSorted())
    for (const { name, parameters = [], responses } of operations) {
      expect(
        parameters.map((parameter) => parameter.name),
        name,
      ).toContain('min_offset')
      expect(Object.keys(responses['200']?.headers ?? {}), name).toEqual(['Faultline-As-Of'])
      expect(Object.keys(responses), name).toContain('409')
    }
  })

  it.each(requests)('%s says how far the store was', async (name) => {
    const { status, headers, body } = await ask(name)
    expect(status).toBe(200)
    expect(headers.get('faultline-as-of')).toBe(
      `0;offset=415;measured_at=${sampleTimeMs}, 1;offset=7`,
    )
    if (name !== 'get /api/devices/{id}') expect(body['as_of']).toEqual(asOf)
  })

  it.each(requests)('%s waits for offsets of several partitions', async (name) => {
    expect((await ask(name, 'min_offset=0:415,1:7')).status).toBe(200)
    expect((await ask(name, 'min_offset=0:415&min_offset=1:7')).status).toBe(200)
    const late = await ask(name, 'min_offset=0:415,1:8')
    expect([late.status, late.problem.code]).toEqual([409, 'OFFSET_NOT_REACHED'])
    expect(late.problem.detail).toBe('Partition 1 stands at offset 7, offset 8 was asked for.')
    expect((await ask(name, 'min_offset=0:415,')).status).toBe(400)
    const waiting = ask(name, 'min_offset=2:3')
    const more = [...progress, { partition: 2, offset: 3, measuredAt: null }]
    api.serving.progress = api.warehouse.progress = api.warehouse.rolledUp = more
    expect((await waiting).status).toBe(200)
  })
})

it('refuses min_offset for the stream, whose events carry as_of', async () => {
  const { status, problem } = await api.get('/api/live?min_offset=0:1')
  expect([status, problem.errors?.[0]?.pointer]).toEqual([400, '/query/min_offset'])
})

describe('a store that changes between the readings of one answer', () => {
  const older: Progress = [{ partition: 0, offset: 100, measuredAt: null }]

  it.each([
    ['is swapped for an older generation', older],
    ['is emptied', []],
  ])('that %s: no answer claims more than the least of its readings', async (_case, other) => {
    for (const [name] of fromRedis) {
      for (const first of [progress, other]) {
        const read: Progress[] = []
        api.serving.progress = first
        api.serving.onRead = () => {
          read.push(api.serving.progress)
          api.serving.progress = api.serving.progress === progress ? other : progress
        }
        const { headers } = await ask(name)
        const oldest = read.includes(other) ? other : progress
        const offset = oldest.find(({ partition }) => partition === 0)?.offset
        const claimed = /^0;offset=(\d+)/.exec(headers.get('faultline-as-of') ?? '')?.[1]
        expect(claimed, name).toBe(offset?.toString())
      }
    }
  })

  it.each(fromRedis)('%s: an answer that fell back after the wait is not given', async (name) => {
    // The wait finds the offset; whatever is read after it comes from the older generation.
    api.serving.onRead = () => {
      api.serving.progress = older
    }
    expect((await ask(name, 'min_offset=0:415')).status).toBe(409)
  })
})
