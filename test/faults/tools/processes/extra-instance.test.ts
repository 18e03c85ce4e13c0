import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { clockOption, hourMs, offsetTo2106, setClock } from '../clock/clock-options.ts'
import { FaultProxy } from '../proxy/fault-proxy.ts'
import { startRecorder, type Recorder } from '../recorder.ts'
import { redirectOption } from '../redirect/redirect-options.ts'
import { ExtraInstance } from './extra-instance.ts'
import { freePort } from '../../../support/free-port.ts'

let folder: string
/** A broker that takes everything and never answers. */
let broker: Recorder
let proxy: FaultProxy
const instances: ExtraInstance[] = []
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'extra-instance-'))
  broker = await startRecorder(() => null)
  proxy = await FaultProxy.start({ targetPort: broker.port, protocol: 'kafka' })
})
afterEach(async () => {
  for (const instance of instances.splice(0)) await instance.kill()
  await proxy.close()
  for (const socket of broker.sockets) socket.destroy()
  broker.server.close()
  rmSync(folder, { recursive: true })
})

const nowhere = 1

async function start(nodeOptions: readonly string[] = []): Promise<ExtraInstance> {
  const instance = await ExtraInstance.start({
    app: 'enricher',
    addresses: {
      KAFKA_BOOTSTRAP: `127.0.0.1:${nowhere}`,
      SCHEMA_REGISTRY_URL: `http://127.0.0.1:${nowhere}`,
    },
    opsPort: await freePort(),
    logFile: join(folder, 'log'),
    nodeOptions: [redirectOption(new Map([[nowhere, proxy.port]])), ...nodeOptions],
  })
  instances.push(instance)
  return instance
}

const slow = { timeout: 20_000 }

it('an application runs beside the stack, its connections through the proxy, and is paused and killed', async () => {
  const instance = await start()
  await expect.poll(() => broker.received.join(''), slow).toContain('faultline-enricher')
  expect(await instance.isReady()).toBe(false)
  instance.pause()
  await expect
    .poll(() => execFileSync('ps', ['-o', 'stat=', '-p', String(instance.pid)]).toString()[0])
    .toBe('T')
  instance.resume()
  expect(await instance.kill()).toBe('SIGKILL')
  expect(await instance.kill()).toBe('SIGKILL')
})

it.each([
  { name: 'an hour ahead', offset: () => hourMs },
  { name: 'an hour behind', offset: () => -hourMs },
  { name: 'beyond 2106', offset: () => offsetTo2106(Date.now()) },
])('its clock is put $name', async ({ offset }) => {
  const wrong = offset()
  setClock(folder, 'enricher', wrong)
  const instance = await start([clockOption(folder)])
  // The broker ends every connection, which the application says with the time.
  await expect.poll(() => proxy.resetAll(), slow).toBeGreaterThan(0)
  await expect.poll(() => instance.log(), slow).toContain('"time"')
  const [, time = ''] = /"time":"([^"]+)"/.exec(instance.log()) ?? []
  expect(Math.abs(Date.parse(time) - Date.now() - wrong)).toBeLessThan(60_000)
})
