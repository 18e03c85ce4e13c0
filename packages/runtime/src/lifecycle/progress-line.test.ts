import { expect, it } from 'vitest'
import { progressLine, timeLeft } from './progress-line.ts'

function lineOn(isTTY: boolean) {
  let nowMs = 0
  const written: string[] = []
  const clock = { now: () => nowMs, sleep: () => Promise.resolve() }
  const line = progressLine({ isTTY, write: (text) => written.push(text) }, clock)
  const showAt = (ms: number) => {
    nowMs = ms
    line.show((elapsed) => `${elapsed} ms`)
  }
  return { line, showAt, written }
}

it('shows on a terminal what takes longer than a second, and clears it', () => {
  const { line, showAt, written } = lineOn(true)
  showAt(900)
  line.clear()
  expect(written).toEqual([])
  showAt(1_500)
  line.clear()
  line.clear()
  expect(written).toEqual(['\r\u001b[2K1500 ms', '\r\u001b[2K'])
})

it('writes nothing where no terminal is', () => {
  const { line, showAt, written } = lineOn(false)
  showAt(5_000)
  line.clear()
  expect(written).toEqual([])
})

it('estimates from what was done', () => {
  expect(timeLeft({ done: 250, of: 1_000, elapsedMs: 2_000 })).toBe(', about 6 s left')
  expect(timeLeft({ done: 0, of: 1_000, elapsedMs: 2_000 })).toBe('')
})
