import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { FaultProxy } from '../proxy/fault-proxy.ts'
import { startRecorder, type Recorder } from '../recorder.ts'
import { redirectOption } from './redirect-options.ts'

let elsewhere: Recorder
let proxy: FaultProxy
/** Where the clients mean to go. */
let meant: Recorder
beforeAll(async () => {
  elsewhere = await startRecorder(() => null)
  meant = await startRecorder(() => null)
  proxy = await FaultProxy.start({ targetPort: elsewhere.port, protocol: 'bytes' })
})
afterAll(async () => {
  await proxy.close()
  for (const { server, sockets } of [elsewhere, meant]) {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
})
beforeEach(() => {
  elsewhere.received.length = 0
  meant.received.length = 0
})

function run(client: string, options: string): ChildProcess {
  const program = join(import.meta.dirname, 'one-client.ts')
  return spawn(process.execPath, [program, client, String(meant.port)], {
    env: { NODE_OPTIONS: options },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
}

async function end(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit')
  if (child.kill('SIGKILL')) await exited
}

it.each([
  { client: 'kafkajs', first: 'redirected' },
  { client: 'ioredis', first: 'redirected' },
  { client: 'clickhouse', first: 'redirected' },
  { client: 'registry', first: 'GET /schemas/ids/1' },
  { client: 'pg', first: 'redirected' },
])('$client goes through the proxy without knowing', async ({ client, first }) => {
  const before = proxy.counts().connections
  const child = run(client, redirectOption(new Map([[meant.port, proxy.port]])))
  try {
    await expect
      .poll(() => Buffer.concat(elsewhere.received).toString(), { timeout: 20_000 })
      .toContain(first)
  } finally {
    await end(child)
  }
  expect(meant.received).toEqual([])
  expect(proxy.counts().connections).toBeGreaterThan(before)
})

it('leaves the connections to other ports alone', async () => {
  const child = run('registry', redirectOption(new Map([[1, proxy.port]])))
  try {
    await expect.poll(() => meant.received.length, { timeout: 20_000 }).toBeGreaterThan(0)
  } finally {
    await end(child)
  }
  expect(elsewhere.received).toEqual([])
})
