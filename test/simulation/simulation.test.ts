import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { faultKinds } from './fault-plan.ts'
import { runSeed } from './run-seed.ts'

const main = join(import.meta.dirname, 'main.ts')
const seeds = process.env['SIMULATION_SEEDS'] ?? '1000'
const first = process.env['SIMULATION_FIRST_SEED'] ?? '1'

it('keeps every invariant, whatever fails and whenever', () => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [main, '--seeds', seeds, '--seed', first],
    { encoding: 'utf8' },
  )
  expect(status, `${stdout}\n${stderr}`).toBe(0)
  expect(stdout).toContain(`${seeds} seeds in`)
})

it('does the same again for the same seed', async () => {
  const run = async (seed: number) => {
    const lines: string[] = []
    await runSeed(seed, { kinds: faultKinds, print: (line) => lines.push(line) })
    return lines
  }
  const lines = await run(7)
  expect(lines.length).toBeGreaterThan(200)
  expect(await run(7)).toEqual(lines)
  expect(await run(8)).not.toEqual(lines)
})

it('says what is wrong with its arguments', () => {
  const { status, stderr } = spawnSync(process.execPath, [main, '--faults', 'nonsense'], {
    encoding: 'utf8',
  })
  expect(status).toBe(2)
  expect(stderr).toContain('no such fault: "nonsense"')
})
