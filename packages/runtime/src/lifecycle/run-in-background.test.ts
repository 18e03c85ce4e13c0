import { expect, it } from 'vitest'
import { Scope } from './component.ts'
import { runInBackground } from './run-in-background.ts'

function background(loopOf: (signal: AbortSignal) => Promise<void>) {
  const scope = new Scope()
  const failures: unknown[] = []
  const log: string[] = []
  scope.defer('what the loop uses', () => {
    log.push('closed')
    return Promise.resolve()
  })
  const stopping = new AbortController()
  const loop = loopOf(stopping.signal).finally(() => log.push('loop ended'))
  const fail = (error: unknown) => failures.push(error)
  runInBackground({ scope, fail }, { name: 'loop', stopping, loops: [loop] })
  return { scope, failures, log }
}

const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((_resolve, reject) => {
    signal.addEventListener('abort', () => {
      reject(signal.reason as Error)
    })
  })

it('is told to end before what it uses is stopped, and waited for; how it ends then is no failure', async () => {
  const { scope, failures, log } = background(untilAborted)
  await scope.stop()
  expect(log).toEqual(['loop ended', 'closed'])
  expect(failures).toEqual([])
})

it('ends the process where it fails by itself, and the scope can be stopped then', async () => {
  const broken = new Error('broken')
  const { scope, failures } = background(() => Promise.reject(broken))
  await new Promise((resolve) => setImmediate(resolve))
  expect(failures).toEqual([broken])
  await scope.stop()
})
