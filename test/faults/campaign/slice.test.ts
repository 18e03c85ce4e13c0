import { createServer } from 'node:net'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { runCampaign } from './campaign.ts'
import { parseOptions } from './options.ts'

// Below the range from which the system takes the ports of outgoing connections; another run may have the first.
const portBases = [18_800, 18_900, 19_000, 19_100]

it('a slice of the campaign: applications and back ends killed under load, and no promise broken', async () => {
  const portBase = await freePortBase()
  const options = parseOptions(['--slice', '--port-base', String(portBase)])
  if (typeof options === 'string') throw new Error('these options run nothing')
  const lines: string[] = []
  const report = await runCampaign(
    options,
    (line) => lines.push(line),
    new AbortController().signal,
  )
  expect(report.violations, lines.join('\n')).toEqual([])
  expect(report.faults.length).toBeGreaterThan(0)
  expect(report.enriched + report.deadLetters + report.waiting).toBe(report.rows)
})

async function freePortBase(): Promise<number> {
  for (const port of portBases) {
    const server = createServer()
    server.listen(port, '127.0.0.1')
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    )
    server.close()
    if (isFree) return port
  }
  throw new Error(`no free ports at ${portBases.join(', ')}`)
}
