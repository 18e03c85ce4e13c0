import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { decodeFrame, frameBytes } from '@faultline/core/frame'
import { systemClock, type Clock } from '@faultline/runtime/clock'
import { createFleet } from '../../fleet/index.ts'
import { generate } from '../generate.ts'
import { createLoad } from '../load.ts'
import { framesDestination } from './frames.ts'

let folder = ''
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'frames-')), 'inbox')
})
afterEach(() => rm(join(folder, '..'), { recursive: true }))

const load = createLoad({
  fleet: createFleet({ seed: 1 }),
  seed: 1,
  startMs: Date.UTC(2026, 0, 31),
  rowsPerSecond: 1_000,
  lateShare: 0.01,
  badShare: 0.01,
  defects: ['clock', 'device-id'],
})

test('the frames of all files are the rows of the load, and only the bad ones are refused', async () => {
  const destination = framesDestination({ folder, prefix: 'load', clock: systemClock })
  const rows = 12_345
  const result = await generate({ load, destination, rate: 'max', rows, clock: systemClock })
  const names = (await readdir(folder)).toSorted()
  expect(names).toEqual(['load-000000.frames', 'load-000001.frames'])
  const files = await Promise.all(names.map((name) => readFile(join(folder, name))))
  const bytes = Buffer.concat(files)
  expect(bytes).toHaveLength(rows * frameBytes)
  let bad = 0
  for (let n = 0; n < rows; n += 1) {
    const decoded = decodeFrame(bytes.subarray(n * frameBytes, (n + 1) * frameBytes))
    const { row, defect } = load(n)
    expect(decoded.ok).toBe(defect === undefined)
    if (decoded.ok) expect(decoded.frame).toEqual(row)
    else bad += 1
  }
  expect(bad).toBe(result.bad)
})

test('a file is not seen under its name before it is whole, nor kept open for longer than a second', async () => {
  let nowMs = 0
  const clock: Clock = { now: () => nowMs, sleep: () => Promise.resolve() }
  const destination = framesDestination({ folder, prefix: 'load', clock })
  await destination.write([load(0).row])
  nowMs = 999
  await destination.flush()
  expect(await readdir(folder)).toEqual(['load-000000.frames.part'])
  nowMs = 1_000
  await destination.flush()
  expect(await readdir(folder)).toEqual(['load-000000.frames'])
})
