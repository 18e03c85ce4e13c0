import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { isFaultlineError } from '@faultline/runtime/errors'
import { findSupervisor } from '@faultline/stack/control'
import { openHome } from '@faultline/stack/home'
import type { ProcessSpec } from '@faultline/stack/process-spec'
import { Stack } from '@faultline/stack/run-stack'
import type { StackEvent } from '@faultline/stack/stack-event'
import { eventually, FakeStack } from './fake-stack.ts'

interface Given {
  readonly home?: string
  readonly specs?: readonly ProcessSpec[]
  readonly fresh?: boolean
  readonly onStopRequested?: () => void
  readonly compose?: (signal: AbortSignal) => Promise<never>
}

/** A stack of fake programs in a home of its own; all of it is gone after the test. */
class Arena {
  readonly fakes = new FakeStack()
  readonly home = join(this.fakes.folder, 'home')
  readonly events: StackEvent[] = []
  readonly #stacks: Stack[] = []

  stack(given: Given = {}): Stack {
    const composed = {
      specs: given.specs ?? [],
      environment: { REDIS_URL: 'redis://127.0.0.1:1/0' },
    }
    const stack = new Stack({
      home: given.home ?? this.home,
      portBase: 7_400,
      pageUrl: 'http://127.0.0.1:7400',
      fresh: given.fresh ?? false,
      compose: given.compose ?? (() => Promise.resolve(composed)),
      report: (event) => this.events.push(event),
      onStopRequested: given.onStopRequested ?? (() => undefined),
    })
    this.#stacks.push(stack)
    return stack
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const stack of this.#stacks) await stack.stop()
    await this.fakes[Symbol.asyncDispose]()
  }
}

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  )
}

it('names a taken port, who wants it and who holds it', async () => {
  await using arena = new Arena()
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  const address = holder.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  try {
    const spec = { ...arena.fakes.spec('kafka'), ports: [port] }
    const failure = await failureOf(arena.stack({ specs: [spec] }).start())
    expect(isFaultlineError(failure, 'PORT_TAKEN')).toBe(true)
    expect(String(failure)).toContain(`port ${port}, which kafka needs, is taken`)
    if (process.platform === 'linux') expect(String(failure)).toContain(`(process ${process.pid})`)
    expect((failure as { remedy?: string }).remedy).toContain('--port-base')
    expect(arena.fakes.journal()).toEqual([])
  } finally {
    holder.close()
  }
})

it('refuses a second stack on one home, and leaves the first one alone', async () => {
  await using arena = new Arena()
  await arena.stack({ specs: [arena.fakes.spec('redis')] }).start()
  const failure = await failureOf(arena.stack({ specs: [arena.fakes.spec('kafka')] }).start())
  expect(isFaultlineError(failure, 'ALREADY_RUNNING')).toBe(true)
  expect(String(failure)).toContain('http://127.0.0.1:7400')
  const current = await findSupervisor(arena.home)?.status()
  expect(current?.processes.map(({ name, state }) => `${name} ${state}`)).toEqual(['redis running'])
})

it('answers on its socket: status, a restart, an unknown name, a stop', async () => {
  await using arena = new Arena()
  const asked = Promise.withResolvers<undefined>()
  const stack = arena.stack({
    specs: [arena.fakes.spec('redis')],
    onStopRequested: () => {
      asked.resolve(undefined)
    },
  })
  await stack.start()
  const supervisor = findSupervisor(arena.home)
  if (supervisor === undefined) throw new Error('no supervisor was found')
  expect(await supervisor.status()).toMatchObject({
    phase: 'running',
    supervisorPid: process.pid,
    environment: { REDIS_URL: 'redis://127.0.0.1:1/0' },
    processes: [{ name: 'redis', state: 'running', restarts: 0 }],
  })
  await supervisor.restart('redis')
  await eventually(
    () => stack.status().processes[0],
    (redis) => redis?.restarts === 1 && redis.state === 'running',
  )
  const unknown = await failureOf(supervisor.restart('nobody'))
  expect(String(unknown)).toMatch(/NOT_FOUND: the stack has no process "nobody"/)
  await supervisor.stop()
  await asked.promise
  await stack.stop()
  expect(findSupervisor(arena.home)).toBeUndefined()
})

it('works from a home folder whose path is too long for a socket', async () => {
  await using arena = new Arena()
  const home = join(arena.fakes.folder, 'a-rather-long-name-of-a-folder/'.repeat(4), 'home')
  await arena.stack({ home, specs: [arena.fakes.spec('redis')] }).start()
  expect((await findSupervisor(home)?.status())?.processes).toHaveLength(1)
})

it('stops what had started when a back end does not come up, and frees the home', async () => {
  await using arena = new Arena()
  const specs = [arena.fakes.spec('redis'), arena.fakes.spec('kafka', { manner: 'die' })]
  const failure = await failureOf(arena.stack({ specs }).start())
  expect(isFaultlineError(failure, 'BACK_END_UNAVAILABLE')).toBe(true)
  expect(arena.fakes.journal()).toContain('redis stopped')
  expect(findSupervisor(arena.home)).toBeUndefined()
  await arena.stack({ specs: [arena.fakes.spec('redis')] }).start()
})

it('says once that a process keeps dying', async () => {
  await using arena = new Arena()
  const stack = arena.stack({ specs: [arena.fakes.spec('api', { kind: 'app', manner: 'die' })] })
  await stack.start()
  await eventually(
    () => stack.status().processes[0]?.deaths ?? 0,
    (deaths) => deaths >= 5,
  )
  const notices = arena.events.flatMap((event) => (event.kind === 'notice' ? [event.text] : []))
  expect(notices).toHaveLength(2)
  expect(notices[1]).toContain('api keeps ending (exit code 3)')
})

it('deletes the data of its own home only, and only when asked', async () => {
  await using arena = new Arena()
  await arena
    .stack()
    .start()
    .then(() => arena.stack().stop())
  const outside = mkdtempSync(join(tmpdir(), 'faultline-outside-'))
  try {
    const stored = join(arena.home, 'data', 'redis', 'dump')
    mkdirSync(join(arena.home, 'data', 'redis'), { recursive: true })
    writeFileSync(stored, 'kept')
    writeFileSync(join(outside, 'precious'), 'kept')
    const first = arena.stack({ home: join(arena.fakes.folder, 'second') })
    await first.start()
    await first.stop()
    expect(readFileSync(stored, 'utf8')).toBe('kept')

    // A link in place of the data folder is somebody's own arrangement: what it points to is not deleted.
    const second = join(arena.fakes.folder, 'second')
    rmSync(join(second, 'data'), { recursive: true })
    symlinkSync(outside, join(second, 'data'))
    const linked = arena.stack({ home: second, fresh: true })
    await linked.start()
    expect(existsSync(join(outside, 'precious'))).toBe(true)
  } finally {
    rmSync(outside, { recursive: true })
  }
})

it('deletes old data before a fresh start', async () => {
  await using arena = new Arena()
  const before = arena.stack()
  await before.start()
  await before.stop()
  const stored = join(arena.home, 'data', 'dump')
  writeFileSync(stored, 'old')
  await arena.stack({ fresh: true }).start()
  expect(existsSync(stored)).toBe(false)
})

it('refuses a folder that holds other things, and data of another version', async () => {
  await using arena = new Arena()
  const foreign = join(arena.fakes.folder, 'documents')
  mkdirSync(foreign)
  writeFileSync(join(foreign, 'letter'), 'dear')
  const mistaken = await failureOf(arena.stack({ home: foreign, fresh: true }).start())
  expect(isFaultlineError(mistaken, 'HOME_UNUSABLE')).toBe(true)
  expect(readFileSync(join(foreign, 'letter'), 'utf8')).toBe('dear')

  await openHome(arena.home, 7_400)
  writeFileSync(
    join(arena.home, 'faultline-home.json'),
    JSON.stringify({ faultlineHome: true, format: 99, portBase: 7_400 }),
  )
  const newer = await failureOf(arena.stack().start())
  expect(String(newer)).toMatch(/HOME_UNUSABLE.*format 99/)
})

it('stops while it still fetches programs', async () => {
  await using arena = new Arena()
  const fetchForEver = (signal: AbortSignal) =>
    new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => {
        reject(new Error('the download was interrupted'))
      })
    })
  const stack = arena.stack({ compose: fetchForEver })
  const start = failureOf(stack.start())
  await eventually(
    () => findSupervisor(arena.home),
    (supervisor) => supervisor !== undefined,
  )
  await stack.stop()
  expect(isFaultlineError(await start, 'NOT_RUNNING')).toBe(true)
})
