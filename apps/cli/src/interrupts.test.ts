import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { onInterrupt } from './interrupts.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

function watched() {
  const source = new EventEmitter()
  const calls: string[] = []
  onInterrupt(
    () => calls.push('first'),
    () => calls.push('again'),
    source,
  )
  return { source, calls }
}

it('takes the two signals of one Ctrl-C under npm for one', () => {
  const { source, calls } = watched()
  source.emit('SIGINT')
  vi.advanceTimersByTime(20)
  source.emit('SIGINT')
  expect(calls).toEqual(['first'])
})

it('takes a later Ctrl-C for impatience', () => {
  const { source, calls } = watched()
  source.emit('SIGTERM')
  vi.advanceTimersByTime(2_000)
  source.emit('SIGTERM')
  expect(calls).toEqual(['first'])
  source.emit('SIGINT')
  expect(calls).toEqual(['first', 'again'])
})
