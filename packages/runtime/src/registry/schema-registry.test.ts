import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { httpSchemaRegistry, type SchemaRegistry } from './schema-registry.ts'

const avro = { schema: '{"type":"record","name":"R","fields":[{"name":"n","type":"long"}]}' }
const unknownSchema = { status: 404, body: { error_code: 40403 } }
const answers: Record<string, { status: number; body: unknown }> = {
  '/schemas/ids/1': { status: 200, body: avro },
  '/schemas/ids/2': { status: 200, body: { schemaType: 'PROTOBUF', schema: 'syntax = "proto3";' } },
  '/schemas/ids/3': { status: 200, body: { schema: '{"type":"no such type"}' } },
  '/schemas/ids/4': unknownSchema,
  '/schemas/ids/5': { status: 404, body: { error_code: 0, message: 'no such resource' } },
  '/schemas/ids/6': { status: 503, body: {} },
  '/schemas/ids/7': { status: 200, body: { status: 'starting' } },
  '/schemas/ids/8': { status: 404, body: 'text' },
  '/subjects/t-value/versions': { status: 200, body: { id: 7 } },
}

describe('httpSchemaRegistry', () => {
  let server: Server
  let registry: SchemaRegistry
  let asked: string[]
  /** So many requests get no answer. */
  let failing: number
  /** So many are refused, because another writer registers the same. */
  let conflicting: number
  let nowMs: number
  beforeEach(async () => {
    asked = []
    failing = 0
    conflicting = 0
    nowMs = 1_795_000_000_000
    server = createServer((request, response) => {
      const path = request.url ?? ''
      asked.push(path)
      if (failing > 0) {
        failing -= 1
        response.destroy()
        return
      }
      if (conflicting > 0) {
        conflicting -= 1
        response.writeHead(409, { 'content-type': 'application/json' })
        response.end('{"error_code":409}')
        return
      }
      if (path === '/schemas/ids/9') {
        response.end('<html>a page of a proxy</html>')
        return
      }
      if (path === '/schemas/ids/10') {
        response.write('{"schema":')
        setImmediate(() => response.destroy())
        return
      }
      const { status, body } = answers[path] ?? { status: 500, body: {} }
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(body))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    registry = httpSchemaRegistry(`http://127.0.0.1:${port}/`, {
      now: () => nowMs,
      sleep: () => Promise.resolve(),
    })
  })
  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })

  it('asks for a schema once', async () => {
    expect(registry.knownReader(1)).toBeUndefined()
    const reader = await registry.reader(1)
    expect(reader.fromBuffer(Buffer.from([4]))).toEqual({ n: 2 })
    expect(await registry.reader(1)).toBe(reader)
    expect(registry.knownReader(1)).toBe(reader)
    expect(asked).toHaveLength(1)
  })

  it('registers a schema', async () => {
    expect(await registry.register('t-value', avro)).toBe(7)
  })

  it('registers a schema although others register the same at once, or nobody answers for a moment', async () => {
    conflicting = 2
    expect(await registry.register('t-value', avro)).toBe(7)
    failing = 2
    expect(await registry.register('t-value', avro)).toBe(7)
  })

  it('gives up where a schema is refused for good', async () => {
    conflicting = Infinity
    const registered = registry.register('t-value', avro)
    await expect(registered).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' })
  })

  it.each([
    [2, 'RECORD_UNDECODABLE'],
    [3, 'RECORD_UNDECODABLE'],
    [4, 'SCHEMA_UNKNOWN'],
    [4_294_967_295, 'SCHEMA_UNKNOWN'],
    [5, 'REGISTRY_UNAVAILABLE'],
    [6, 'REGISTRY_UNAVAILABLE'],
    [7, 'REGISTRY_UNAVAILABLE'],
    [8, 'REGISTRY_UNAVAILABLE'],
    [9, 'REGISTRY_UNAVAILABLE'],
    [10, 'REGISTRY_UNAVAILABLE'],
  ])('answers for schema %i with %s', async (id, code) => {
    await expect(registry.reader(id)).rejects.toMatchObject({ code })
  })

  it('asks again where there was no answer, and then gives up', async () => {
    await registry.reader(6).catch(() => undefined)
    expect(asked).toHaveLength(5)
    failing = 2
    await registry.reader(1)
    expect(asked).toHaveLength(8)
  })

  it('asks for an unknown schema once in half a minute', async () => {
    for (let n = 0; n < 3; n++) await registry.reader(4).catch(() => undefined)
    nowMs += 29_000
    await registry.reader(4).catch(() => undefined)
    expect(asked).toHaveLength(1)
  })

  it.each([30_000, -30_000])('finds a schema that came later, %i ms on its clock', async (ms) => {
    answers['/schemas/ids/11'] = unknownSchema
    await expect(registry.reader(11)).rejects.toMatchObject({ code: 'SCHEMA_UNKNOWN' })
    answers['/schemas/ids/11'] = { status: 200, body: avro }
    nowMs += ms
    expect((await registry.reader(11)).fromBuffer(Buffer.from([4]))).toEqual({ n: 2 })
  })

  it('forgets the oldest of a thousand unknown schemas', async () => {
    for (let id = 1_000; id <= 2_000; id++) answers[`/schemas/ids/${id}`] = unknownSchema
    const ask = (id: number) => registry.reader(id).catch(() => undefined)
    for (let id = 1_000; id <= 2_000; id++) await ask(id)
    await ask(1_001)
    expect(asked).toHaveLength(1_001)
    await ask(1_000)
    expect(asked).toHaveLength(1_002)
  })

  it('says that nobody answers', async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
    await expect(registry.reader(1)).rejects.toMatchObject({ code: 'REGISTRY_UNAVAILABLE' })
  })
})
