import { describe, expect, it } from 'vitest'
import { compileModel, readingAt, type DeviceModel, type Rule } from './index.ts'

const pump = (
  rules: readonly Rule[],
  channels = ['flow', 'pressure', 'fault_code'],
): DeviceModel => ({
  model: 'pump',
  type: 'pump',
  channels,
  units: channels.map(() => ''),
  rules,
})

describe('compileModel', () => {
  it('resolves names to places and limits to ranges', () => {
    const model = compileModel(
      pump([
        { code: 'HIGH', channel: 'flow', above: 5 },
        { code: 'LOW', channel: 'pressure', below: 1 },
        { code: 'DIFF', channel: 'flow', minus: 'pressure', outside: [2, 4] },
      ]),
    )
    expect(model.problems).toEqual([])
    expect(model.faultCodeAt).toBe(2)
    expect(model.rules).toMatchObject([
      { code: 'HIGH', channel: 'flow', at: 0, minusAt: -1, low: -Infinity, high: 5, counter: -1 },
      { code: 'LOW', channel: 'pressure', at: 1, low: 1, high: Infinity },
      { code: 'DIFF', channel: 'flow - pressure', at: 0, minusAt: 1, low: 2, high: 4 },
    ])
  })

  it.each<[string, Rule, string]>([
    ['a channel', { code: 'X', channel: 'heat', above: 1 }, 'heat'],
    ['the other of a difference', { code: 'X', channel: 'flow', minus: 'heat', above: 1 }, 'heat'],
    ['a counted channel', { code: 'X', starts_of: 'heat', running_above: 1, above: 1 }, 'heat'],
    [
      'a guard',
      { code: 'X', channel: 'flow', above: 1, when: [{ channel: 'heat', above: 1 }] },
      'heat',
    ],
  ])('leaves a rule out and says so when the model lacks %s', (_, rule, missing) => {
    const model = compileModel(pump([rule, { code: 'Y', channel: 'flow', above: 1 }]))
    expect(model.rules.map(({ code }) => code)).toEqual(['Y'])
    expect(model.problems).toEqual([
      `Rule X of model pump never holds: the model has no channel "${missing}".`,
    ])
  })

  it('says so when more starts are asked for than are counted', () => {
    const starts: Rule = { code: 'X', starts_of: 'flow', running_above: 1, above: 64 }
    expect(compileModel(pump([starts])).problems).toEqual([
      'Rule X of model pump never holds: at most 64 starts an hour are counted.',
    ])
    expect(compileModel(pump([{ ...starts, above: 63 }])).problems).toEqual([])
  })

  it('counts the same starts once for several rules', () => {
    const model = compileModel(
      pump([
        { code: 'A', starts_of: 'flow', running_above: 1, above: 6 },
        { code: 'B', starts_of: 'flow', running_above: 1, above: 12 },
        { code: 'C', starts_of: 'flow', running_above: 2, above: 6 },
      ]),
    )
    expect(model.rules.map(({ counter }) => counter)).toEqual([0, 0, 1])
    expect(model.startCounters).toMatchObject([{ runningAbove: 1 }, { runningAbove: 2 }])
  })

  it('tells apart models by name, by channel and by order', () => {
    const hashes = [
      compileModel(pump([])),
      compileModel({ ...pump([]), model: 'fan' }),
      compileModel(pump([], ['pressure', 'flow', 'fault_code'])),
      compileModel(pump([], ['flowp', 'ressure', 'fault_code'])),
    ].map(({ channelHashes }) => channelHashes.at(-1))
    expect(new Set(hashes).size).toBe(hashes.length)
  })

  it('keeps the hash of the first channels when more are added', () => {
    const grown = compileModel(pump([], ['flow', 'pressure', 'fault_code', 'speed']))
    expect(grown.channelHashes.slice(0, 4)).toEqual(compileModel(pump([])).channelHashes)
  })
})

describe('readingAt', () => {
  it.each([
    [[1.5], 0, 1.5],
    [[0], 0, 0],
    [[3.4028234663852886e38], 0, 3.4028234663852886e38],
    [[null], 0, NaN],
    [[NaN], 0, NaN],
    [[Infinity], 0, NaN],
    [[-Infinity], 0, NaN],
    [[1e39], 0, NaN],
    [[1], 1, NaN],
    [[1], -1, NaN],
  ])('%j at %d is %d', (readings, at, expected) => {
    expect(readingAt(readings, at)).toBe(expected)
  })
})
