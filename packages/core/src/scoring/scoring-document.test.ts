import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { compileModel } from '../model/index.ts'
import { createState, encode } from '../state/index.ts'
import { recomputeScore, referenceScorer, type ExplanationEntry } from './index.ts'

const text = readFileSync(new URL('../../../../docs/scoring.md', import.meta.url), 'utf8')
const [frames, explanation] = [...text.matchAll(/```json\n(.*?)```/gs)].map((block): unknown =>
  JSON.parse(block[1] ?? ''),
) as [number[][], ExplanationEntry[]]

it('the worked example of docs/scoring.md is what the scorer says', () => {
  const channels = ['temp_supply_air', 'temp_return_air', 'fault_code']
  const [supply, back] = ['temp_supply_air', 'temp_return_air']
  const model = compileModel({
    model: 'example',
    type: 'example',
    channels,
    units: channels,
    rules: [
      { code: 'HIGH_TEMP', channel: supply, above: 35 },
      { code: 'ABNORMAL_TEMP_DIFF', channel: supply, minus: back, outside: [3, 15] },
    ],
  })
  const state = createState(model)
  const scored = frames.map((readings, i) =>
    referenceScorer.score({ model, state, measuredAt: i * 300_000, readings }),
  )
  expect(scored.at(-1)?.explanation).toEqual(explanation)
  const score = scored.at(-1)?.fault_score
  expect(score).toBe(recomputeScore(explanation))
  expect(text).toContain(`**${String(score)}**, ${String(scored.at(-1)?.alert_level)}`)
})

it('the lengths of docs/scoring.md are those of the layout', () => {
  const channels = Array.from({ length: 100 }, (_, i) => `c${i}`)
  const lengthWith = (counters: number, channelCount: number): number => {
    const rules = Array.from({ length: counters }, (_, i) => {
      return { code: `R${i}`, starts_of: 'c0', running_above: i, above: 1 }
    })
    const few = channels.slice(0, channelCount)
    const model = { model: 'm', type: 't', channels: few, units: few, rules }
    return encode(createState(compileModel(model))).length
  }
  expect(text).toContain(
    `${lengthWith(1, 100).toLocaleString('en')} bytes for 100 channels and one`,
  )
  expect(lengthWith(0, 1)).toBe(56 + 16)
  expect(lengthWith(3, 1) - lengthWith(2, 1)).toBe(264)
})
