import { EventEmitter } from 'node:events'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FaultlineError } from '../errors/index.ts'
import { runProcess, type ProcessContext, type ProcessHost } from './run-process.ts'

/** A process that notes how it would have ended, and goes on. */
class FakeHost extends EventEmitter implements ProcessHost {
  readonly exits: number[] = []

  exit(code: number): void {
    this.exits.push(code)
  }
}

const silent = pino({ level: 'silent' })

/** Runs a process of one component, whose stop ends when `stopped` is called. */
function running(start: (context: ProcessContext) => Promise<void> = () => Promise.resolve()) {
  const host = new FakeHost()
  let finishStop: (error?: Error) => void = () => undefined
  const stopped = new Promise<void>((resolve, reject) => {
    finishStop = (error) => {
      if (error === undefined) resolve()
      else reject(error)
    }
  })
  let context: ProcessContext | undefined
  runProcess(
    silent,
    async (given) => {
      context = given
      given.scope.defer('component', () => stopped)
      await start(given)
    },
    host,
  )
  return { host, finishStop, fail: (error: unknown) => context?.fail(error) }
}

const settled = (): Promise<void> => vi.advanceTimersByTimeAsync(0).then(() => undefined)

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('runProcess', () => {
  it.each(['SIGTERM', 'SIGINT'])(
    'ends with 0 after %s, once everything has stopped',
    async (signal) => {
      const { host, finishStop } = running()
      host.emit(signal)
      await settled()
      expect(host.exits).toEqual([])
      finishStop()
      await settled()
      expect(host.exits).toEqual([0])
    },
  )

  it.each([
    ['a component', new Error('broken'), 1],
    ['the configuration', new FaultlineError('CONFIG_INVALID', 'KAFKA_BOOTSTRAP: missing'), 2],
    ['the broker', new FaultlineError('PRODUCER_FENCED', 'taken over'), 1],
  ])('stops what had started when %s fails at start', async (_, error, exitCode) => {
    const { host, finishStop } = running(() => Promise.reject(error))
    finishStop()
    await settled()
    expect(host.exits).toEqual([exitCode])
  })

  it('ends with 2 when the configuration is refused before anything starts', async () => {
    const host = new FakeHost()
    const refuse = (): Promise<void> => {
      throw new FaultlineError('CONFIG_INVALID', 'OPS_LISTEN: missing')
    }
    runProcess(silent, refuse, host)
    await settled()
    expect(host.exits).toEqual([2])
  })

  it('ends with 1 when something fails in the background', async () => {
    const { finishStop, fail, host } = running()
    fail(new Error('reader ended'))
    finishStop()
    await settled()
    expect(host.exits).toEqual([1])
  })

  it.each(['uncaughtException', 'unhandledRejection'])('ends with 1 after %s', async (event) => {
    const { host, finishStop } = running()
    host.emit(event, new Error('unforeseen'))
    finishStop()
    await settled()
    expect(host.exits).toEqual([1])
  })

  it('ends with 1 when a stop fails', async () => {
    const { host, finishStop } = running()
    host.emit('SIGTERM')
    finishStop(new Error('not flushed'))
    await settled()
    expect(host.exits).toEqual([1])
  })

  it('ends at once after a second signal', () => {
    const { host } = running()
    host.emit('SIGINT')
    expect(host.exits).toEqual([])
    host.emit('SIGINT')
    expect(host.exits).toEqual([1])
  })

  it('ends with 1 when stopping takes longer than 15 s', async () => {
    const { host } = running()
    host.emit('SIGTERM')
    await vi.advanceTimersByTimeAsync(14_999)
    expect(host.exits).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(host.exits).toEqual([1])
  })

  it('stops once when failures follow each other', async () => {
    const { host, finishStop, fail } = running()
    fail(new Error('first'))
    fail(new FaultlineError('CONFIG_INVALID', 'second'))
    finishStop()
    await settled()
    expect(host.exits).toEqual([1])
  })
})
