import { createServer, connect, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createLogger } from '@faultline/runtime/logging'
import type { Started } from '@faultline/runtime/lifecycle'
import { connectRedis, runScript, type RedisClient } from '@faultline/runtime/redis'
import { connection } from '../../support/connection.ts'

/** A way to Redis that can be cut and mended, so that the server itself is left alone. */
class Cable {
  readonly #target = new URL(connection().redisUrl)
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined
  port = 0

  async mend(): Promise<void> {
    this.#server = createServer((inside) => {
      const outside = connect(Number(this.#target.port), this.#target.hostname)
      for (const [from, to] of [
        [inside, outside],
        [outside, inside],
      ] as const) {
        this.#sockets.add(from)
        from.on('error', () => to.destroy())
        from.pipe(to)
      }
    })
    this.#server.listen(this.port, '127.0.0.1')
    await once(this.#server, 'listening')
    const address = this.#server.address()
    if (typeof address === 'object' && address !== null) this.port = address.port
  }

  cut(): void {
    this.#server?.close()
    for (const socket of this.#sockets) socket.destroy()
    this.#sockets.clear()
  }
}

let cable: Cable
let redis: Started<RedisClient>

beforeEach(async () => {
  cable = new Cable()
  await cable.mend()
  redis = await connectRedis({
    url: `redis://127.0.0.1:${cable.port}/9`,
    clientName: 'connection-test',
    logger: createLogger('connection-test', 'silent'),
  })
})
afterEach(async () => {
  await redis.stop()
  cable.cut()
})

const ping = () => redis.value.run('ping', (client) => client.ping())

it('says at once that Redis is away, queues nothing, and comes back by itself', async () => {
  expect(await ping()).toBe('PONG')
  cable.cut()
  await vi.waitUntil(() => !redis.value.isReady())
  await expect(ping()).rejects.toMatchObject({ code: 'SERVING_STORE_UNAVAILABLE' })
  await cable.mend()
  await vi.waitUntil(() => redis.value.isReady(), { timeout: 10_000 })
  expect(await ping()).toBe('PONG')
})

it('fails what was under way when the connection broke', async () => {
  const waiting = redis.value.run('waiting', (client) => client.blpop('nothing-ever', 30))
  cable.cut()
  await expect(waiting).rejects.toMatchObject({ code: 'SERVING_STORE_UNAVAILABLE' })
})

it('starts while Redis is away', async () => {
  await redis.stop()
  cable.cut()
  redis = await connectRedis({
    url: `redis://127.0.0.1:${cable.port}/9`,
    clientName: 'connection-test',
    logger: createLogger('connection-test', 'silent'),
  })
  expect(redis.value.isReady()).toBe(false)
  await cable.mend()
  await vi.waitUntil(() => redis.value.isReady(), { timeout: 10_000 })
})

it('runs a script that the server has forgotten', async () => {
  const script = { name: 'sum-values-0', source: 'return ARGV[1] + ARGV[2]', keys: 0 }
  const sum = () => runScript(redis.value, script, { keys: [], args: [1, 2] })
  expect(await sum()).toBe(3)
  await redis.value.run('forget', (client) => client.script('FLUSH'))
  expect(await sum()).toBe(3)
})

it('hands an error of the program back as it is', async () => {
  const wrong = { name: 'wrong-0', source: 'return redis.call("NO_SUCH_COMMAND")', keys: 0 }
  await expect(runScript(redis.value, wrong, { keys: [], args: [] })).rejects.not.toHaveProperty(
    'code',
  )
  await expect(runScript(redis.value, wrong, { keys: ['one'], args: [] })).rejects.toThrow(
    TypeError,
  )
})

it('answers commands sent together in order, and fails them together', async () => {
  expect(await redis.value.runTogether('two', (pipeline) => pipeline.echo('a').echo('b'))).toEqual([
    'a',
    'b',
  ])
  await expect(
    redis.value.runTogether('wrong', (pipeline) => {
      pipeline.set('connection-test', 'text')
      pipeline.incr('connection-test')
      pipeline.del('connection-test')
    }),
  ).rejects.toThrow('not an integer')
})
