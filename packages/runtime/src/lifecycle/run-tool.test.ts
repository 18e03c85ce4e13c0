import { EventEmitter } from 'node:events'
import { expect, it, vi } from 'vitest'
import { FaultlineError } from '../errors/index.ts'
import type { ProcessHost } from './run-process.ts'
import { runTool } from './run-tool.ts'

class FakeHost extends EventEmitter implements ProcessHost {
  readonly exits: number[] = []

  exit(code: number): void {
    this.exits.push(code)
  }
}

async function outcomeOf(work: (signal: AbortSignal) => Promise<number>) {
  const host = new FakeHost()
  const lines: string[] = []
  runTool(work, host, (line) => lines.push(line))
  await vi.waitFor(() => {
    expect(host.exits).not.toEqual([])
  })
  return { exits: host.exits, lines }
}

it('ends with the exit code of the work', async () => {
  expect(await outcomeOf(() => Promise.resolve(3))).toEqual({ exits: [3], lines: [] })
})

it.each([
  [new FaultlineError('ARGUMENT_INVALID', 'what?', { remedy: 'Ask again.' }), 2],
  [new FaultlineError('CONFIG_INVALID', 'REDIS_URL: missing'), 2],
  [new FaultlineError('BROKER_UNAVAILABLE', 'away'), 1],
])('says what happened and what to do: %s', async (error, exitCode) => {
  const { exits, lines } = await outcomeOf(() => Promise.reject(error))
  expect(exits).toEqual([exitCode])
  expect(lines[0]).toBe(`faultline: ${error.message}`)
  expect(lines[1]).toBe(error.remedy === undefined ? undefined : `  ${error.remedy}`)
})

it('shows where a mistake of the program came from', async () => {
  const { exits, lines } = await outcomeOf(() => {
    throw new TypeError('not a function')
  })
  expect(exits).toEqual([1])
  expect(lines.join()).toContain('run-tool.test.ts')
})

it('lets the work end in its own words after Ctrl-C, and ends at once after a second one', () => {
  const host = new FakeHost()
  let aborted = false
  runTool((signal) => {
    signal.addEventListener('abort', () => {
      aborted = true
    })
    return new Promise(() => undefined)
  }, host)
  host.emit('SIGINT')
  expect({ aborted, exits: host.exits }).toEqual({ aborted: true, exits: [] })
  host.emit('SIGINT')
  expect(host.exits).toEqual([1])
})
