import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { MqttBroker } from '../mqtt-broker.ts'
import { faultline, faultlineOk, printedAddresses } from './faultline-command.ts'
import './product.ts'

// Below the range from which the system takes the ports of outgoing connections; another run may have the first.
const portBases = [18_400, 18_500, 18_600, 18_700]

/**
 * Starts the product with its own command in a new folder, without the demo fleet and with an MQTT broker beside it, and takes it down after
 * the last test.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const home = mkdtempSync(join(tmpdir(), 'faultline-e2e-'))
  const broker = await MqttBroker.start()
  await up(home, { MQTT_URL: broker.url })
  const addresses = await printedAddresses(home)
  project.provide('product', { home, mqttUrl: broker.url, ...addresses })
  return async () => {
    await faultlineOk(home, ['down'])
    await broker[Symbol.asyncDispose]()
    rmSync(home, { recursive: true, force: true })
  }
}

async function up(home: string, env: Readonly<Record<string, string>>): Promise<void> {
  for (const portBase of portBases) {
    const args = ['up', '--detach', '--no-demo', '--port-base', String(portBase)]
    const { code, stdout, stderr } = await faultline(home, args, env)
    if (code === 0) return
    if (!stderr.includes('PORT_TAKEN'))
      throw new Error(`the product did not start:\n${stdout}${stderr}`)
  }
  throw new Error(`no free ports at ${portBases.join(', ')}`)
}
