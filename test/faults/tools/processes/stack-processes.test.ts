import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { Stack } from '@faultline/stack/run-stack'
import { FakeStack } from '../../../integration/supervisor/fake-stack.ts'
import {
  killProcess,
  pauseProcess,
  processId,
  runningProcesses,
  untilStartedAgain,
} from './stack-processes.ts'

function stateOf(pid: number): string | undefined {
  return execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })[0]
}

it('the processes of a stack are found by name, paused, killed, and seen to come back', async () => {
  await using fakes = new FakeStack()
  const home = join(fakes.folder, 'home')
  const stack = new Stack({
    home,
    portBase: 7_400,
    pageUrl: 'http://127.0.0.1:7400',
    fresh: false,
    compose: () =>
      Promise.resolve({ specs: [fakes.spec('redis'), fakes.spec('kafka')], environment: {} }),
    report: () => undefined,
    onStopRequested: () => undefined,
  })
  try {
    await stack.start()
    expect([...runningProcesses(home).keys()].toSorted()).toEqual(['kafka', 'redis', 'supervisor'])
    expect(processId(home, 'supervisor')).toBe(process.pid)
    expect(() => processId(home, 'enricher')).toThrow('no process enricher runs')

    const redis = processId(home, 'redis')
    const goOn = pauseProcess(home, 'redis')
    await expect.poll(() => stateOf(redis)).toBe('T')
    goOn()
    await expect.poll(() => stateOf(redis)).toBe('S')

    pauseProcess(home, 'redis')
    expect(await killProcess(home, 'redis')).toBe(redis)
    expect(await untilStartedAgain(home, 'redis', redis)).not.toBe(redis)
    goOn()
  } finally {
    await stack.stop()
  }
  expect(runningProcesses(home).size).toBe(0)
})
