import { request as send } from 'node:http'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startApiUnderTest, type ApiUnderTest } from './testing/api-under-test.ts'
import { sampleDevice, sampleEvent, sampleTimeMs } from './testing/samples.ts'
import { takeWay } from './testing/way.ts'

let direct: ApiUnderTest
let express: ApiUnderTest
beforeAll(async () => {
  direct = await startFilled()
  takeWay('express')
  express = await startFilled()
})
afterAll(async () => {
  await direct.stop()
  await express.stop()
})

async function startFilled(): Promise<ApiUnderTest> {
  const api = await startApiUnderTest()
  for (const device_id of ['AC-0042', 'a.b:c~d', 'lookup']) {
    api.serving.devices.set(device_id, sampleDevice({ device_id, name: 'Dach "é" 🚇' }))
  }
  api.serving.rankings.set('all:live', [{ deviceId: 'AC-0042', score: sampleTimeMs }])
  api.serving.streams.set('hvac', [{ id: '1-1', event: sampleEvent() }])
  api.serving.halfLifeMs = 3_600_000
  api.serving.progress = [
    { partition: 0, offset: 415, measuredAt: sampleTimeMs },
    { partition: 1, offset: 7, measuredAt: null },
  ]
  return api
}

interface Asked {
  readonly method: string
  readonly path: string
  readonly tag: string
}

/** The answer as it is on the wire. */
async function wireAnswer({ origin }: ApiUnderTest, { method, path, tag }: Asked) {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  const headers = { 'x-request-id': 'one', 'if-none-match': tag, connection: 'close' }
  const url = new URL(origin)
  const sent = send({ host: url.hostname, port: url.port, method, path, headers }, (response) => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.on('end', () => {
      const names = response.rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [at] : []))
      const pairs = names.map((at) => response.rawHeaders.slice(at, at + 2).join(': '))
      const text = Buffer.concat(chunks).toString()
      // What tells the time, or is as long as a time happens to be.
      const timed = text.includes('duration_ms') ? /^(date|content-length): / : /^date: /
      const kept = pairs.filter((pair) => !timed.test(pair.toLowerCase())).toSorted()
      resolve({
        status: response.statusCode,
        headers: kept,
        text: text.replace(/"duration_ms":\d+/, ''),
      })
    })
  })
  sent.on('error', reject)
  sent.end()
  return promise
}

const part = fc.constantFrom(
  ...[
    'api',
    'devices',
    'AC-0042',
    'nobody',
    'lookup',
    'LookUp',
    'Devices',
    'faults',
    'top',
    'fleet',
    'events',
  ],
  ...[
    'hvac',
    'metrics',
    'anomaly',
    'channels',
    'healthz',
    'readyz',
    'a.b:c~d',
    'AC%2D0042',
    '%ff',
    '%00',
    '.',
    '..',
  ],
  ...['', '@', 'a+b', 'a&b', '__proto__', 'constructor', 'x'.repeat(129)],
)
const known = fc.constantFrom(
  ...['/api/devices/AC-0042', '/api/devices/a.b:c~d', '/api/devices/nobody', '/api/devices/lookup'],
  ...[
    '/api/devices',
    '/api/faults/top',
    '/api/fleet',
    '/api/events/hvac',
    '/api/devices/AC-0042/events',
  ],
)
const path = fc.oneof(
  known,
  known.map((it) => `${it}/`),
  fc.array(part, { maxLength: 5 }).map((parts) => `/${parts.join('/')}`),
  fc.array(part, { maxLength: 2 }).map((parts) => `/api/devices/${parts.join('/')}`),
)
// The metrics tell how long things took.
const asked = path.filter((it) => !/^\/metrics\/*$/.test(it))
const query = fc
  .array(
    fc.constantFrom(
      ...[
        'limit=1',
        'limit=0',
        'limit=+1',
        'limit=1%30',
        'limit',
        'type=hvac',
        'type=',
        'type=%C3%A9',
        'type=%ff',
      ],
      ...[
        'min_offset=0:415',
        'min_offset=0:415,1:7',
        'min_offset=x',
        'window=1h',
        'window=2h',
        'metric_name=x',
      ],
      ...[
        '__proto__=1',
        'a[b]=c',
        'a.b=c',
        '=',
        '&',
        'granularity=raw',
        'hours=1',
        'after=1-0',
        '#',
        '?',
        '%',
      ],
    ),
    { maxLength: 3 },
  )
  .map((parts) => (parts.length === 0 ? '' : `?${parts.join('&')}`))

it('answers to the letter what Express alone does, whatever is asked', async () => {
  const { headers } = await direct.get('/api/devices/AC-0042')
  const tag = fc.constantFrom('', '*', '"x"', headers.get('etag') ?? '')
  const method = fc.oneof(
    { weight: 5, arbitrary: fc.constant('GET') },
    fc.constantFrom('HEAD', 'POST', 'DELETE'),
  )
  const questions = fc.record({ method, path: asked, query, tag })
  await fc.assert(
    fc.asyncProperty(questions, async ({ method, path, query, tag }) => {
      const given = { method, path: `${path}${query}`, tag }
      expect(await wireAnswer(direct, given)).toEqual(await wireAnswer(express, given))
    }),
    { numRuns: 1_500 },
  )
  // And both counted the same.
  const counts = async (api: ApiUnderTest) =>
    (await api.get('/metrics')).text.match(/^faultline_http_request_seconds_count.*$/gm)?.toSorted()
  await express.get('/api/devices/AC-0042')
  expect(await counts(direct)).toEqual(await counts(express))
})
