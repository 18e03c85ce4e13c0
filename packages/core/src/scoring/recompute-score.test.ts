import { expect, it } from 'vitest'
import { recomputeScore, type ExplanationEntry } from './index.ts'

const entry = (source: ExplanationEntry['source'], contribution: number): ExplanationEntry => ({
  source,
  code: 'X',
  channel: 'c',
  value: 1,
  limit: 0,
  contribution,
})
const rule = entry('rule', 0.25)

it.each([
  ['nothing', [], 0],
  ['one rule', [rule], 0.25],
  ['five rules', [rule, rule, rule, rule, rule], 1],
  ['a deviation', [entry('anomaly', 0.4)], 0.4],
  ['rules and a deviation, in any order', [entry('anomaly', 0.5), rule, rule], 0.75],
  ['a fault code', [entry('rule', 0)], 0],
  ['more than one other source', [rule, entry('anomaly', 0.5), entry('model', 0.5)], 0.8125],
])('%s', (_, explanation, score) => {
  expect(recomputeScore(explanation)).toBe(score)
})
