import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import {
  isAlive,
  RunFile,
  staleChildren,
  stopStaleChildren,
  takeLock,
} from '@faultline/stack/supervisor'
import { eventually, FakeStack } from './fake-stack.ts'

const addresses = { pageUrl: 'http://127.0.0.1:7400', controlSocket: 'control.sock' }

/** Runs a supervisor in another process and returns once its children serve, so that it can be killed without warning. */
async function superviseElsewhere(stack: FakeStack, names: readonly string[]) {
  const script = join(stack.folder, 'supervisor.mts')
  const support = join(import.meta.dirname, 'fake-stack.ts')
  writeFileSync(
    script,
    `import { FakeStack } from ${JSON.stringify(support)}
const stack = new FakeStack(${JSON.stringify(stack.folder)})
const [first, second] = ${JSON.stringify(names)}
await stack.supervisor([stack.spec(first), stack.spec(second, { needs: [first] })]).start()
console.log('serving')
`,
  )
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => {
      resolve()
    })
    child.once('exit', (code) => {
      reject(new Error(`the other supervisor ended with ${code ?? 'a signal'}`))
    })
  })
  return child
}

it('finds the children of a killed supervisor and stops them in order', async () => {
  await using stack = new FakeStack()
  const elsewhere = await superviseElsewhere(stack, ['postgres', 'connect'])
  elsewhere.removeAllListeners('exit')
  const ended = new Promise((resolve) => elsewhere.once('exit', resolve))
  elsewhere.kill('SIGKILL')
  await ended

  const stale = staleChildren(new RunFile(stack.folder).read())
  expect(stale.map(({ name }) => name)).toEqual(['postgres', 'connect'])
  expect(await stopStaleChildren(stale)).toEqual([])
  expect(stale.some(({ identity }) => isAlive(identity))).toBe(false)
  const stops = stack.journal().filter((line) => line.endsWith('stopped'))
  expect(stops).toEqual(['connect stopped', 'postgres stopped'])
})

it('leaves a stranger alone that got the process id of a child', async () => {
  await using stack = new FakeStack()
  const stranger = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  try {
    new RunFile(stack.folder).add({
      name: 'kafka',
      identity: { pid: stranger.pid ?? 0, startedAt: 'another boot:1' },
      stopSignal: 'SIGTERM',
      stopTimeoutMs: 100,
      needs: [],
    })
    expect(staleChildren(new RunFile(stack.folder).read())).toEqual([])
  } finally {
    stranger.kill('SIGKILL')
  }
})

it('kills a leftover that ignores its stop signal', async () => {
  await using stack = new FakeStack()
  const supervisor = stack.supervisor([stack.spec('stubborn', { manner: 'stubborn' })])
  await supervisor.start()
  const stale = staleChildren(new RunFile(stack.folder).read())
  const stopped = stopStaleChildren(stale)
  // This supervisor lives and would start it anew: it is told to stop first, as a killed one could not object.
  const ending = supervisor.stop()
  expect(await stopped).toEqual([])
  await ending
})

it('refuses a second supervisor on the same folder and says where the first one is', async () => {
  await using stack = new FakeStack()
  const release = takeLock(stack.folder, addresses)
  expect(() => takeLock(stack.folder, addresses)).toThrow(
    /ALREADY_RUNNING.*http:\/\/127\.0\.0\.1:7400/,
  )
  release()
  takeLock(stack.folder, addresses)()
})

it('takes over the lock of a process that is gone', async () => {
  await using stack = new FakeStack()
  const dead = { pid: process.pid, startedAt: 'another boot:1' }
  writeFileSync(
    join(stack.folder, 'supervisor.json'),
    JSON.stringify({ identity: dead, ...addresses }),
  )
  const release = takeLock(stack.folder, addresses)
  const held = readFileSync(join(stack.folder, 'supervisor.json'), 'utf8')
  expect(held).not.toContain('another boot')
  release()
})

it('empties the run file when everything has stopped', async () => {
  await using stack = new FakeStack()
  const supervisor = stack.supervisor([stack.spec('redis')])
  await supervisor.start()
  expect(new RunFile(stack.folder).read().map(({ name }) => name)).toEqual(['redis'])
  await supervisor.stop()
  await eventually(
    () => new RunFile(stack.folder).read(),
    (children) => children.length === 0,
  )
})
