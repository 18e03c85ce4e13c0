import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  initialMachine,
  transition,
  type ProcessEvent,
  type ProcessMachine,
  type ProcessPolicy,
} from './process-machine.ts'

/** What an adversary may do next; `exited`, `ready` and `timer` are skipped when the world could not produce them. */
const events = fc.constantFrom<ProcessEvent>(
  'start',
  'stop',
  'restart',
  'kill',
  'ready',
  'unready',
  'exited',
  'timer',
)

const policies: fc.Arbitrary<ProcessPolicy> = fc.record({
  readyTimeoutMs: fc.constantFrom(undefined, 1_000),
  stopTimeoutMs: fc.constant(2_000),
  killTimeoutMs: fc.constant(3_000),
  stableMs: fc.constant(60_000),
  deathsBeforeFirstReady: fc.constantFrom(undefined, 3),
})

interface World {
  machine: ProcessMachine
  children: number
  timerMs: number | undefined
  /** The last wish was to stop, and nothing has asked for a start since. */
  wantsStop: boolean
}

function possible(world: World, event: ProcessEvent): boolean {
  if (event === 'timer') return world.timerMs !== undefined
  if (event === 'exited' || event === 'ready' || event === 'unready') return world.children > 0
  return true
}

function apply(world: World, event: ProcessEvent, policy: ProcessPolicy): void {
  const before = world.machine
  const { machine, action, timer } = transition(before, event, policy)
  if (event === 'exited') world.children -= 1
  if (action === 'spawn') world.children += 1
  if (timer !== 'keep') world.timerMs = timer.ms
  else if (event === 'timer') world.timerMs = undefined
  if (event === 'stop' || event === 'kill') world.wantsStop = true
  else if (asksForStart(event, before) && machine.state === 'starting') world.wantsStop = false
  world.machine = machine
  if (action === 'signal' || action === 'kill') {
    expect(world.children, 'I2 signals go to a child').toBe(1)
  }
  if (world.wantsStop) expect(action, 'I3 a stop wins').not.toBe('spawn')
  assertState(world, policy)
}

function asksForStart(event: ProcessEvent, before: ProcessMachine): boolean {
  return event === 'start' || (event === 'restart' && before.state === 'failed')
}

const owned = { stopped: 0, starting: 1, running: 1, stopping: 1, 'backing-off': 0 } as const

function assertState({ machine, children, timerMs }: World, policy: ProcessPolicy): void {
  expect(children, 'I1 at most one child').toBeLessThanOrEqual(1)
  if (machine.state === 'failed') {
    const limited = policy.deathsBeforeFirstReady !== undefined
    expect(machine.killed || limited, 'I6 only a limit or SIGKILL in vain').toBe(true)
  } else {
    expect(children, 'I4 a state owns a child or none').toBe(owned[machine.state])
  }
  if (machine.state === 'stopping' || machine.state === 'backing-off') {
    expect(timerMs, 'I5 no waiting without a timer').toBeDefined()
  }
}

it('holds I1 to I6 whatever happens in whatever order', () => {
  fc.assert(
    fc.property(policies, fc.array(events, { maxLength: 60 }), (policy, sequence) => {
      const world: World = {
        machine: initialMachine,
        children: 0,
        timerMs: undefined,
        wantsStop: false,
      }
      for (const event of sequence) if (possible(world, event)) apply(world, event, policy)
    }),
    { numRuns: Number(process.env['PBT_RUNS'] ?? 500) },
  )
})

it('I7 always comes to rest after a stop when the world answers', () => {
  fc.assert(
    fc.property(policies, fc.array(events, { maxLength: 40 }), (policy, sequence) => {
      const world: World = {
        machine: initialMachine,
        children: 0,
        timerMs: undefined,
        wantsStop: false,
      }
      for (const event of sequence) if (possible(world, event)) apply(world, event, policy)
      apply(world, 'stop', policy)
      for (let step = 0; step < 2 && world.children > 0; step += 1) apply(world, 'exited', policy)
      expect(['stopped', 'failed']).toContain(world.machine.state)
    }),
    { numRuns: Number(process.env['PBT_RUNS'] ?? 500) },
  )
})
