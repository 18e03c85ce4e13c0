import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { faultline, faultlineOk, printedAddresses } from './faultline-command.ts'
import './product.ts'

// Below the range from which the system takes the ports of outgoing connections; another run may have the first.
const portBases = [18_400, 18_500, 18_600, 18_700]

/** Starts the product with its own command in a new folder, without the demo fleet, and takes it down after the last test. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const home = mkdtempSync(join(tmpdir(), 'faultline-e2e-'))
  await up(home)
  project.provide('product', { home, ...(await printedAddresses(home)) })
  return async () => {
    await faultlineOk(home, ['down'])
    rmSync(home, { recursive: true, force: true })
  }
}

async function up(home: string): Promise<void> {
  for (const portBase of portBases) {
    const args = ['up', '--detach', '--no-demo', '--port-base', String(portBase)]
    const { code, stdout, stderr } = await faultline(home, args)
    if (code === 0) return
    if (!stderr.includes('PORT_TAKEN'))
      throw new Error(`the product did not start:\n${stdout}${stderr}`)
  }
  throw new Error(`no free ports at ${portBases.join(', ')}`)
}
