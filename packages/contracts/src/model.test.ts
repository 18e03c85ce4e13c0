import { describe, expect, test } from 'vitest'
import { deviceModelRow, describeProblems, ruleSchema } from './model.ts'

const row = {
  model: 'pump-1',
  type: 'pump',
  channels: ['pressure', 'current'],
  units: ['kPa', 'A'],
  rules: [
    {
      code: 'LOW_PRESSURE',
      channel: 'pressure',
      below: 3,
      when: [{ channel: 'current', above: 1 }],
    },
    { code: 'GAP', channel: 'pressure', minus: 'current', outside: [3, 15] },
    { code: 'STARTS', starts_of: 'current', running_above: 12, above: 4 },
  ],
}

describe('a model row', () => {
  test('comes through as it is', () => {
    expect(deviceModelRow.parse(row)).toEqual(row)
  })

  test('may carry its rules as JSON text, as Debezium does', () => {
    expect(deviceModelRow.parse({ ...row, rules: JSON.stringify(row.rules) })).toEqual(row)
  })

  test.each([
    ['text that is no JSON', { rules: '[' }, 'rules: not JSON'],
    ['the reserved type', { type: 'all' }, 'type: a type is not `all` and has no colon'],
    ['a unit too few', { units: ['kPa'] }, 'units: 1 units for 2 channels'],
    ['a channel twice', { channels: ['a', 'a'] }, 'channels: a channel is named twice'],
    [
      'a code twice',
      { rules: [row.rules[0], row.rules[0]] },
      'rules: codes given twice: LOW_PRESSURE',
    ],
    [
      'a bad guard in JSON text',
      { rules: JSON.stringify([{ code: 'A', channel: 'x', above: 1, when: [{ channel: 'y' }] }]) },
      'rules.0.when.0: exactly one of above, below, outside is needed, got 0',
    ],
    [
      'a bad guard',
      { rules: [{ code: 'A', channel: 'x', above: 1, when: [{ channel: 'y' }] }] },
      'rules.0.when.0: exactly one of above, below, outside is needed, got 0',
    ],
  ])('is refused for %s', (_, change, problem) => {
    const { error } = deviceModelRow.safeParse({ ...row, ...change })
    expect(error && describeProblems(error)).toBe(problem)
  })
})

describe('a rule', () => {
  test.each([
    ['two limits', { code: 'A', channel: 'x', above: 1, below: 0 }, /exactly one of above.*got 2/],
    ['no measure', { code: 'A', above: 1 }, /exactly one of channel and starts_of/],
    [
      'two measures',
      { code: 'A', channel: 'x', starts_of: 'y', running_above: 1, above: 1 },
      /exactly one of channel/,
    ],
    ['starts without a level', { code: 'A', starts_of: 'x', above: 1 }, /needs running_above/],
    [
      'a level without starts',
      { code: 'A', channel: 'x', running_above: 1, above: 1 },
      /needs starts_of/,
    ],
    [
      'a difference of starts',
      { code: 'A', starts_of: 'x', minus: 'y', running_above: 1, above: 1 },
      /minus needs/,
    ],
    ['an unknown key', { code: 'A', channel: 'x', above: 1, wen: [] }, /wen/],
    ['an empty range', { code: 'A', channel: 'x', outside: [3, 3] }, /low < high/],
    ['a number that is none', { code: 'A', channel: 'x', above: Number.NaN }, /above/],
    ['an empty code', { code: '', channel: 'x', above: 1 }, /code/],
  ])('is refused for %s', (_, rule, problem) => {
    const { error } = ruleSchema.safeParse(rule)
    expect(error && describeProblems(error)).toMatch(problem)
  })
})
