import { expect, it } from 'vitest'
import { VerifyProgress } from './progress.ts'

it('says how much of the topic is read, then what was compared, with the time left where it is known', () => {
  let read = 0
  const progress = new VerifyProgress(() => read, 10_000)
  progress.begin('Redis', null, 0)
  expect(progress.describe(1_000)).toBe('reading the topic: 0 of 10,000 offsets')
  read = 2_500
  expect(progress.describe(1_000)).toBe(
    'reading the topic: 2,500 of 10,000 offsets, about 3 s left',
  )
  progress.compared('devices', 20)
  progress.compared('members', 1_500)
  progress.compared('members', 500)
  expect(progress.describe(2_000)).toBe('Redis: 20 devices, 2,000 members')
  progress.begin('ClickHouse', 200, 3_000)
  progress.compared('devices', 50)
  expect(progress.describe(5_000)).toBe('ClickHouse: 50 devices, about 6 s left')
})
