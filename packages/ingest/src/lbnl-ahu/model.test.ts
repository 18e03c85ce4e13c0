import { expect, test } from 'vitest'
import { deviceModelRow } from '@faultline/contracts/model'
import { ahuModel } from './model.ts'

test('the model is one that device_models accepts', () => {
  const row = { ...ahuModel, rules: JSON.stringify(ahuModel.rules) }
  expect(deviceModelRow.parse(row)).toEqual(ahuModel)
})

test('every rule reads channels of the model', () => {
  const named = ahuModel.rules
    .flatMap((rule) => [rule, ...(rule.when ?? [])])
    .flatMap((part) =>
      'channel' in part ? [part.channel, part.minus ?? part.channel] : [part.starts_of],
    )
  expect(named.filter((name) => !ahuModel.channels.includes(name))).toEqual([])
})
