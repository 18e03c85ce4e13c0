import { expect, it } from 'vitest'
import { isFaultlineError } from '@faultline/runtime/errors'
import { eventually, FakeStack } from './fake-stack.ts'

function statusOf(supervisor: { status(): readonly { name: string }[] }, name: string) {
  const found = supervisor.status().find((status) => status.name === name)
  if (found === undefined) throw new Error(`no process ${name}`)
  return found as ReturnType<ReturnType<FakeStack['supervisor']>['status']>[number]
}

it('starts a process only when what it needs serves, and stops in the reverse order', async () => {
  await using stack = new FakeStack()
  const supervisor = stack.supervisor([
    stack.spec('connect', { needs: ['kafka', 'postgres', 'a server outside the stack'] }),
    stack.spec('kafka'),
    stack.spec('postgres'),
  ])
  await supervisor.start()
  expect(stack.journal().toSorted((a, b) => a.localeCompare(b))).toHaveLength(3)
  expect(stack.journal().at(-1)).toBe('connect started')
  await supervisor.stop()
  const stops = stack.journal().filter((line) => line.endsWith('stopped'))
  expect(stops).toHaveLength(3)
  expect(stops[0]).toBe('connect stopped')
})

it('runs the set-up of a back end before anything that needs it starts', async () => {
  await using stack = new FakeStack()
  const seen: string[][] = []
  const database = {
    ...stack.spec('database'),
    afterReady: () => {
      seen.push(stack.journal())
      return Promise.resolve()
    },
  }
  const supervisor = stack.supervisor([database, stack.spec('reader', { needs: ['database'] })])
  await supervisor.start()
  expect(seen).toEqual([['database started']])
})

it('starts a killed child again, and again, and shows how often', async () => {
  await using stack = new FakeStack()
  const supervisor = stack.supervisor([stack.spec('enricher', { kind: 'app' })])
  await supervisor.start()
  for (const restarts of [1, 2]) {
    const running = await eventually(
      () => statusOf(supervisor, 'enricher'),
      (status) => status.state === 'running' && status.restarts === restarts - 1,
    )
    process.kill(running.pid ?? 0, 'SIGKILL')
    await eventually(
      () => statusOf(supervisor, 'enricher'),
      (status) => status.restarts === restarts && status.state === 'running',
    )
  }
  expect(statusOf(supervisor, 'enricher')).toMatchObject({ lastExit: 'SIGKILL', deaths: 2 })
})

it('keeps starting an app that dies, and shows the loop', async () => {
  await using stack = new FakeStack()
  const supervisor = stack.supervisor([stack.spec('api', { kind: 'app', manner: 'die' })])
  await supervisor.start()
  const looping = await eventually(
    () => statusOf(supervisor, 'api'),
    (status) => status.restarts >= 3 && status.state === 'backing-off',
  )
  expect(looping).toMatchObject({ lastExit: 'exit code 3', pid: null })
  const notReady = await supervisor.untilAppsReady(10)
  expect(notReady.map(({ name }) => name)).toEqual(['api'])
})

it('gives up on a back end that dies before it ever served, with the last lines of its log', async () => {
  await using stack = new FakeStack()
  const supervisor = stack.supervisor([stack.spec('kafka', { manner: 'die' })], {
    deathsBeforeFirstReady: 2,
  })
  const failure: unknown = await supervisor.start().catch((error: unknown) => error)
  expect(isFaultlineError(failure, 'BACK_END_UNAVAILABLE')).toBe(true)
  expect(String(failure)).toContain('kafka cannot find its data')
})

it('ends a child that ignores its stop signal when its time is over', async () => {
  await using stack = new FakeStack()
  const supervisor = stack.supervisor([stack.spec('stubborn', { manner: 'stubborn' })], {
    stopTimeoutMs: 200,
  })
  await supervisor.start()
  await supervisor.stop()
  expect(statusOf(supervisor, 'stubborn')).toMatchObject({ state: 'stopped', lastExit: 'SIGKILL' })
})

it('restarts a process on request without counting a death', async () => {
  await using stack = new FakeStack()
  const supervisor = stack.supervisor([stack.spec('api', { kind: 'app' })])
  await supervisor.start()
  await supervisor.untilAppsReady(5_000)
  supervisor.restart('api')
  await eventually(
    () => statusOf(supervisor, 'api'),
    (status) => status.restarts === 1 && status.state === 'running',
  )
  expect(statusOf(supervisor, 'api')).toMatchObject({ deaths: 0, lastExit: 'exit code 0' })
  expect(() => {
    supervisor.restart('nobody')
  }).toThrow(/NOT_FOUND/)
})

it('stops cleanly while it still starts', async () => {
  await using stack = new FakeStack()
  const never = { ...stack.spec('slow'), ready: () => new Promise<void>(() => undefined) }
  const supervisor = stack.supervisor([never, stack.spec('later', { needs: ['slow'] })])
  const start = supervisor.start().catch((error: unknown) => error)
  await eventually(
    () => stack.journal(),
    (lines) => lines.includes('slow started'),
  )
  await supervisor.stop()
  expect(isFaultlineError(await start, 'NOT_RUNNING')).toBe(true)
  expect(stack.journal()).not.toContain('later started')
  expect(supervisor.status().map(({ state }) => state)).toEqual(['stopped', 'stopped'])
})
