import { request as httpRequest } from 'node:http'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FaultlineError } from '@faultline/runtime/errors'
import {
  heldBytesMax,
  itemsMax,
  jsonBytesMax,
  ndjsonBytesMax,
} from '../ingest/measurement-intake.ts'
import { startApiUnderTest, type ApiUnderTest, type Reply } from '../testing/api-under-test.ts'

let api: ApiUnderTest
beforeEach(async () => {
  api = await startApiUnderTest()
})
afterEach(async () => {
  await api.stop()
})

const path = '/api/measurements'
const good = { device_id: 'AC-0042', measured_at: 1_763_731_911_000, readings: [18.5, null, 1_200] }

function post(
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
): Promise<Reply> {
  const type = { 'content-type': 'application/x-ndjson' }
  const bytes = typeof body === 'string' ? body : new Uint8Array(body)
  return api.get(path, { method: 'POST', headers: { ...type, ...headers }, body: bytes })
}

const asJson = { 'content-type': 'application/json; charset=utf-8' }
const lines = (...items: readonly unknown[]) =>
  items.map((item) => `${JSON.stringify(item)}\n`).join('')

describe('POST /api/measurements', () => {
  it.each([
    ['one measurement', JSON.stringify(good), asJson, 1],
    ['a list', JSON.stringify([good, good]), asJson, 2],
    ['lines', lines(good, good, good), {}, 3],
    [
      'lines without a last end, and empty ones',
      `\n${lines(good)}\r\n${JSON.stringify(good)}`,
      {},
      2,
    ],
    ['packed lines', gzipSync(lines(good, good)), { 'content-encoding': 'gzip' }, 2],
    [
      'a packed list',
      gzipSync(JSON.stringify([good])),
      { ...asJson, 'content-encoding': 'gzip' },
      1,
    ],
  ])('takes %s', async (_what, body, headers, accepted) => {
    const reply = await post(body, headers)
    expect(reply.status, reply.text).toBe(202)
    const nothing = { rejected: 0, rejected_indexes: [], errors: [] }
    expect(reply.body).toEqual({ accepted, ...nothing, replayed: false })
    expect(api.intake.state.rows).toBe(accepted)
    expect(api.intake.intake.heldBytes).toBe(0)
  })

  it.each([
    [{ ...good, measured_at: '2026-01-31T12:00:00Z', car_number: 7 }, undefined],
    [
      {
        ...good,
        car_number: null,
        readings: { pressure_compressor: 1_200, temp_return_air: null },
      },
      undefined,
    ],
    [{ ...good, device_id: 'new', readings: { valve: 0.5 } }, undefined],
    [{ ...good, device_id: 'new', readings: Array.from({ length: 500 }, () => 1) }, undefined],
    [7, 'TEXT_INVALID'],
    [null, 'TEXT_INVALID'],
    [[good], 'TEXT_INVALID'],
    [{ ...good, carNumber: 7 }, 'COLUMNS_INVALID'],
    [{ ...good, device_id: '' }, 'DEVICE_ID_EMPTY'],
    [{ ...good, device_id: undefined }, 'DEVICE_ID_EMPTY'],
    [{ ...good, device_id: 42 }, 'DEVICE_ID_INVALID'],
    [{ ...good, device_id: 'a\u0000' }, 'DEVICE_ID_INVALID'],
    [{ ...good, device_id: '\ud800' }, 'DEVICE_ID_INVALID'],
    [{ ...good, device_id: 'x'.repeat(257) }, 'DEVICE_ID_INVALID'],
    [{ ...good, measured_at: Date.UTC(2106, 1, 7) }, 'CLOCK_INVALID'],
    [{ ...good, measured_at: 1_763_731_911 }, 'CLOCK_INVALID'],
    [{ ...good, measured_at: 1_763_731_911_000.5 }, 'CLOCK_INVALID'],
    [{ ...good, measured_at: 'yesterday' }, 'CLOCK_INVALID'],
    [{ ...good, measured_at: undefined }, 'CLOCK_INVALID'],
    [{ ...good, car_number: 1.5 }, 'CAR_NUMBER_INVALID'],
    [{ ...good, car_number: 2_147_483_648 }, 'CAR_NUMBER_INVALID'],
    [{ ...good, readings: undefined }, 'COLUMNS_INVALID'],
    [{ ...good, readings: [] }, 'COLUMNS_INVALID'],
    [{ ...good, readings: {} }, 'COLUMNS_INVALID'],
    [{ ...good, readings: [1, 2, 3, 4] }, 'COLUMNS_INVALID'],
    [{ ...good, readings: [1, '2'] }, 'VALUE_INVALID'],
    [{ ...good, readings: [1e39] }, 'VALUE_INVALID'],
    [{ ...good, readings: { temp_supply_air: true } }, 'VALUE_INVALID'],
    [{ ...good, readings: { valve: 0.5 } }, 'MODEL_MISMATCH'],
    [{ ...good, device_id: 'new', readings: { temp_supply_air: 18 } }, 'DEVICE_UNKNOWN'],
    [{ ...good, device_id: 'new', readings: { constructor: 18 } }, 'DEVICE_UNKNOWN'],
  ])('judges an item by itself, case %#', async (item, code) => {
    const { status, body } = await post(lines(good, item, good))
    const rejected = code === undefined ? 0 : 1
    expect([status, body['accepted'], body['rejected']]).toEqual([202, 3 - rejected, rejected])
    const errors = body['errors'] as { index: number; code: string; detail: string }[]
    expect(errors.map((error) => [error.index, error.code])).toEqual(
      code === undefined ? [] : [[1, code]],
    )
    expect([...api.intake.state.rejected]).toEqual(code === undefined ? [] : [[code, 1]])
  })

  it('tells why of the first hundred it refused, and names them all', async () => {
    const { body } = await post(lines(good, ...Array.from({ length: 1_000 }, () => ({}))) + 'x\n')
    expect([body['accepted'], body['rejected']]).toEqual([1, 1_001])
    const errors = body['errors'] as { index: number; code: string }[]
    expect(errors.map(({ index }) => index)).toEqual(Array.from({ length: 100 }, (_, n) => n + 1))
    expect(body['rejected_indexes']).toEqual(Array.from({ length: 1_001 }, (_, n) => n + 1))
    expect(api.intake.state.rejected.get('TEXT_INVALID')).toBe(1)
  })

  it('gives the counts of then to who sends the same again, and refuses another body', async () => {
    const headers = { 'idempotency-key': 'batch-1' }
    const first = await post(lines(good, {}), headers)
    const again = await post(lines(good, {}), headers)
    expect(first.body).toMatchObject({ accepted: 1, rejected: 1, replayed: false })
    expect(again.status).toBe(202)
    // The first answer may have been lost: the second one says what was refused, too.
    expect(again.body).toEqual({ ...first.body, replayed: true })
    const other = await post(lines(good), headers)
    expect([other.status, other.problem.code]).toEqual([422, 'IDEMPOTENCY_KEY_REUSED'])
    expect(api.intake.state.rows).toBe(1)
  })
})

describe('what cannot be taken', () => {
  const big = { ...good, readings: Array.from({ length: 300 }, (_, n) => n / 7) }
  it.each([
    ['no body', '', {}, 400],
    ['an empty list', '[]', asJson, 400],
    ['no JSON', '{"device_id"', asJson, 400],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22]), asJson, 400],
    ['another type', lines(good), { 'content-type': 'text/csv' }, 415],
    ['another encoding', lines(good), { 'content-encoding': 'br' }, 415],
    ['what is not gzip', lines(good), { 'content-encoding': 'gzip' }, 400],
    [
      'half of a gzip',
      gzipSync(lines(good, good)).subarray(0, 30),
      { 'content-encoding': 'gzip' },
      400,
    ],
    ['a key with a space', lines(good), { 'idempotency-key': 'a b' }, 400],
    ['a key too long', lines(good), { 'idempotency-key': 'a'.repeat(201) }, 400],
    ['a JSON body over its bound', `[${' '.repeat(jsonBytesMax)}]`, asJson, 413],
    ['lines over their bound', lines(good).padEnd(ndjsonBytesMax + 1), {}, 413],
    [
      'a packed body that unpacks to too much',
      gzipSync(Buffer.alloc(ndjsonBytesMax + 1, '\n')),
      { 'content-encoding': 'gzip' },
      413,
    ],
    ['too many items', '7\n'.repeat(itemsMax + 1), {}, 413],
  ])('%s is an answer of its own', async (_what, body, headers, status) => {
    const reply = await post(body, headers)
    expect(reply.status, reply.text).toBe(status)
    expect(reply.headers.get('content-type')).toContain('application/problem+json')
    expect(api.intake.state.rows).toBe(0)
    expect(api.intake.intake.heldBytes).toBe(0)
    // And the next one is taken as if nothing had been.
    expect((await post(lines(good))).status).toBe(202)
  })

  it('more than there is memory for is sent away, and taken once there is room again', async () => {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    api.intake.state.beforeCommit = () => promise
    const body = lines(...Array.from({ length: 3_000 }, () => ({ ...big, device_id: 'new' })))
    const room = Math.floor(heldBytesMax / body.length)
    expect(room).toBeLessThan(20)
    const waiting = Array.from({ length: 20 }, () => post(body))
    const early = await Promise.race(waiting)
    expect([early.status, early.problem.code]).toEqual([503, 'INGEST_BUSY'])
    expect(early.headers.get('retry-after')).toBe('1')
    expect(api.intake.intake.heldBytes).toBeLessThanOrEqual(heldBytesMax)
    resolve(undefined)
    const replies = await Promise.all(waiting)
    const taken = replies.filter(({ status }) => status === 202).length
    expect(taken).toBeGreaterThan(0)
    expect(taken + replies.filter(({ status }) => status === 503).length).toBe(20)
    expect(api.intake.state.rows).toBe(taken * 3_000)
    expect(api.intake.intake.heldBytes).toBe(0)
    expect((await post(body)).status).toBe(202)
  })

  it('a caller who goes away in the middle leaves nothing behind', async () => {
    const { port } = new URL(api.origin)
    const headers = { 'content-type': 'application/x-ndjson', 'content-length': '1000000' }
    const request = httpRequest({ port, path, method: 'POST', headers })
    request.on('error', () => undefined)
    request.write(lines(good))
    await expect.poll(() => api.intake.intake.heldBytes).toBe(1_000_000)
    request.destroy()
    await expect.poll(() => api.intake.intake.heldBytes).toBe(0)
    expect(api.intake.state.rows).toBe(0)
  })

  it('is a 503 while PostgreSQL is away', async () => {
    api.intake.state.beforeCommit = () =>
      Promise.reject(new FaultlineError('DATABASE_UNAVAILABLE', 'away'))
    const reply = await post(lines(good))
    expect([reply.status, reply.problem.code]).toEqual([503, 'DATABASE_UNAVAILABLE'])
    expect(reply.headers.get('retry-after')).toBe('1')
    expect(api.intake.intake.heldBytes).toBe(0)
  })
})

it('whatever is sent is counted to the last item, or refused whole', async () => {
  const item = fc.oneof(
    fc.constant(good),
    fc.record(
      {
        device_id: fc.oneof(fc.string(), fc.anything()),
        measured_at: fc.oneof(fc.integer(), fc.date(), fc.anything()),
        readings: fc.oneof(
          fc.array(fc.double()),
          fc.dictionary(fc.string(), fc.double()),
          fc.anything(),
        ),
        car_number: fc.anything(),
      },
      { requiredKeys: [] },
    ),
    fc.jsonValue(),
  )
  const line = fc.oneof(
    {
      weight: 3,
      // In a list, where what has no text in JSON becomes null.
      arbitrary: item.map((value) =>
        JSON.stringify([value], (_, v: unknown) => (typeof v === 'bigint' ? 1 : v)).slice(1, -1),
      ),
    },
    { weight: 1, arbitrary: fc.string().map((text) => text.replaceAll(/[\r\n]/g, '')) },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 20 }), fc.boolean(), async (given, packed) => {
      const before = api.intake.state.rows
      const text = given.join('\n')
      const body = packed ? gzipSync(text) : Buffer.from(text)
      const reply = await post(body, packed ? { 'content-encoding': 'gzip' } : {})
      const items = given.filter((each) => each !== '').length
      if (items === 0) expect(reply.status).toBe(400)
      else {
        const { accepted, rejected } = reply.body as { accepted: number; rejected: number }
        expect([reply.status, accepted + rejected]).toEqual([202, items])
        expect(api.intake.state.rows - before).toBe(accepted)
      }
    }),
    { numRuns: 200 },
  )
})
