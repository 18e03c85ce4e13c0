import { expect, it } from 'vitest'
import type { Clock } from '@faultline/runtime/clock'
import { FaultlineError } from '@faultline/runtime/errors'
import { createLogger } from '@faultline/runtime/logging'
import { createPersist } from './persist.ts'

const away = () => Promise.reject(new FaultlineError('SERVING_STORE_UNAVAILABLE', 'away'))

function setUp(giveUpAfterMs = 10_000) {
  const pauses: number[] = []
  let now = 0
  const clock: Clock = {
    now: () => now,
    sleep: (ms) => {
      pauses.push(ms)
      now += ms
      return Promise.resolve()
    },
  }
  const stopping = new AbortController()
  const persist = createPersist({
    clock,
    logger: createLogger('test', 'silent'),
    random: () => 1,
    signal: stopping.signal,
    giveUpAfterMs,
  })
  return { persist, pauses, stopping }
}

it('tries again with growing pauses until the work is done', async () => {
  const { persist, pauses } = setUp()
  let left = 7
  expect(await persist(() => (left-- > 0 ? away() : Promise.resolve('done')))).toBe('done')
  expect(pauses).toEqual([50, 100, 200, 400, 800, 1_000, 1_000])
})

it('gives up when the back end stays away', async () => {
  const { persist, pauses } = setUp(3_000)
  await expect(persist(away)).rejects.toMatchObject({ code: 'SERVING_STORE_UNAVAILABLE' })
  expect(pauses.reduce((sum, ms) => sum + ms)).toBeLessThan(5_000)
})

it('gives up at once when the process stops', async () => {
  const { persist, pauses, stopping } = setUp()
  stopping.abort()
  await expect(persist(away)).rejects.toMatchObject({ code: 'SERVING_STORE_UNAVAILABLE' })
  expect(pauses).toEqual([])
})

it('does not repeat what waiting cannot mend', async () => {
  const { persist, pauses } = setUp()
  const fenced = new FaultlineError('SERVING_STORE_FENCED', 'fenced')
  await expect(persist(() => Promise.reject(fenced))).rejects.toBe(fenced)
  await expect(persist(() => Promise.reject(new TypeError('wrong')))).rejects.toThrow(TypeError)
  expect(pauses).toEqual([])
})
