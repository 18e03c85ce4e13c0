import { describe, expect, it } from 'vitest'
import { createLogger } from '@faultline/runtime/logging'
import { runRollUps } from './roll-up-loop.ts'
import type { RollUpLevel } from './warehouse/warehouse-writer.ts'

const everyMs = 10_000
const stepOffsets = 10_000

interface Step {
  readonly atMs: number
  readonly level: RollUpLevel
  readonly reached: number
}

/** Runs the loop over `ends`, the confirmed end at each look; a look takes no time, the sleep between them passes by itself. */
async function stepsOver(ends: readonly number[]): Promise<readonly Step[]> {
  const stop = new AbortController()
  const reached: Record<RollUpLevel, number> = { '1min': 0, '1hour': 0, '1day': 0 }
  const steps: Step[] = []
  let nowMs = 1_000_000
  let looks = 0
  await runRollUps(
    {
      topic: 'enriched',
      writer: {
        rollUp: (_source, level, end) => {
          reached[level] = Math.min(end, reached[level] + stepOffsets)
          steps.push({ atMs: nowMs - 1_000_000, level, reached: reached[level] })
          return Promise.resolve(reached[level])
        },
      },
      confirmed: () => new Map([[0, ends[looks] ?? ends.at(-1) ?? 0]]),
      onProgress: () => undefined,
      everyMs,
      clock: {
        now: () => nowMs,
        sleep: (ms) => {
          nowMs += ms
          if (ms === everyMs) looks += 1
          if (looks === ends.length) stop.abort()
          return Promise.resolve()
        },
      },
      logger: createLogger('test', 'silent'),
    },
    stop.signal,
  )
  return steps
}

const timesOf = (steps: readonly Step[], level: RollUpLevel) =>
  steps.filter((step) => step.level === level).map(({ atMs }) => atMs / 1_000)

/** Confirmed ends of a steady stream, one for each look. */
const stream = (looks: number, rowsEach: number) =>
  Array.from({ length: looks }, (_, look) => (look + 1) * rowsEach)

describe('the pace of the roll-ups', () => {
  it('takes rows that keep coming into minutes at every look, into hours and days seldom', async () => {
    const steps = await stepsOver(stream(121, 10))
    expect(timesOf(steps, '1min')).toEqual(Array.from({ length: 121 }, (_, look) => look * 10))
    expect(timesOf(steps, '1hour')).toEqual([0, 300, 600, 900, 1_200])
    expect(timesOf(steps, '1day')).toEqual([0, 900])
  })

  it('takes everything in once rows have stopped coming', async () => {
    const steps = await stepsOver([10, 20, 30, 30, 30, 30])
    expect(timesOf(steps, '1hour')).toEqual([0, 30])
    expect(timesOf(steps, '1day')).toEqual([0, 30])
    expect(steps.at(-1)?.reached).toBe(30)
  })

  it('works a backlog off without a pause, and takes full steps as they come', async () => {
    const steps = await stepsOver([35_000, 45_000, 46_000])
    expect(timesOf(steps, '1hour')).toEqual([0, 0, 0, 0, 10])
    expect(timesOf(steps, '1min')).toEqual([0, 0, 0, 0, 10, 20])
  })
})
