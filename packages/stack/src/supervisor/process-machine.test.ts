import { describe, expect, it } from 'vitest'
import {
  backoffMs,
  initialMachine,
  transition,
  type ProcessEvent,
  type ProcessMachine,
  type ProcessPolicy,
} from './process-machine.ts'

const policy: ProcessPolicy = {
  readyTimeoutMs: 1_000,
  stopTimeoutMs: 2_000,
  killTimeoutMs: 3_000,
  stableMs: 60_000,
  deathsBeforeFirstReady: undefined,
}

/** Every situation of SPEC.md, with a machine that is in it after one death. */
const situations = {
  stopped: initialMachine,
  starting: { ...initialMachine, state: 'starting', deaths: 1 },
  running: { ...initialMachine, state: 'running', deaths: 1, everReady: true },
  'stopping>stopped': { ...initialMachine, state: 'stopping', deaths: 1 },
  'stopping>starting': { ...initialMachine, state: 'stopping', afterStop: 'starting', deaths: 1 },
  'stopping>backing-off': {
    ...initialMachine,
    state: 'stopping',
    afterStop: 'backing-off',
    deaths: 1,
  },
  'stopping, killed': { ...initialMachine, state: 'stopping', killed: true, deaths: 1 },
  'backing-off': { ...initialMachine, state: 'backing-off', deaths: 1 },
  failed: { ...initialMachine, state: 'failed', deaths: 5 },
  'failed, killed': { ...initialMachine, state: 'failed', killed: true, deaths: 1 },
} as const satisfies Record<string, ProcessMachine>

type Situation = keyof typeof situations
/** `state[>afterStop] action timer`; '.' means ignored: same state, no action, timer kept. */
type Expected = string

/** The same table as in SPEC.md. No Partial: a new state or event does not compile until every cell is decided. */
const table: Record<Situation, Record<ProcessEvent, Expected>> = {
  stopped: {
    start: 'starting spawn 1000',
    stop: '.',
    restart: '.',
    kill: '.',
    ready: '.',
    unready: '.',
    exited: '.',
    timer: '.',
  },
  starting: {
    start: '.',
    stop: 'stopping>stopped signal 2000',
    restart: 'stopping>starting signal 2000',
    kill: 'stopping>stopped kill 3000',
    ready: 'running none 60000',
    unready: 'stopping>backing-off signal 2000',
    exited: 'backing-off none 200',
    timer: 'stopping>backing-off signal 2000',
  },
  running: {
    start: '.',
    stop: 'stopping>stopped signal 2000',
    restart: 'stopping>starting signal 2000',
    kill: 'stopping>stopped kill 3000',
    ready: '.',
    unready: '.',
    exited: 'backing-off none 200',
    timer: 'running none off',
  },
  'stopping>stopped': {
    start: '.',
    stop: '.',
    restart: '.',
    kill: 'stopping>stopped kill 3000',
    ready: '.',
    unready: '.',
    exited: 'stopped none off',
    timer: 'stopping>stopped kill 3000',
  },
  'stopping>starting': {
    start: '.',
    stop: 'stopping>stopped none keep',
    restart: '.',
    kill: 'stopping>stopped kill 3000',
    ready: '.',
    unready: '.',
    exited: 'starting spawn 1000',
    timer: 'stopping>starting kill 3000',
  },
  'stopping>backing-off': {
    start: '.',
    stop: 'stopping>stopped none keep',
    restart: 'stopping>starting none keep',
    kill: 'stopping>stopped kill 3000',
    ready: '.',
    unready: '.',
    exited: 'backing-off none 200',
    timer: 'stopping>backing-off kill 3000',
  },
  'stopping, killed': {
    start: '.',
    stop: '.',
    restart: '.',
    kill: '.',
    ready: '.',
    unready: '.',
    exited: 'stopped none off',
    timer: 'failed none off',
  },
  'backing-off': {
    start: 'starting spawn 1000',
    stop: 'stopped none off',
    restart: 'starting spawn 1000',
    kill: 'stopped none off',
    ready: '.',
    unready: '.',
    exited: '.',
    timer: 'starting spawn 1000',
  },
  failed: {
    start: 'starting spawn 1000',
    stop: '.',
    restart: 'starting spawn 1000',
    kill: '.',
    ready: '.',
    unready: '.',
    exited: '.',
    timer: '.',
  },
  'failed, killed': {
    start: '.',
    stop: '.',
    restart: '.',
    kill: '.',
    ready: '.',
    unready: '.',
    exited: 'stopped none off',
    timer: '.',
  },
}

function describeMachine(machine: ProcessMachine): string {
  return machine.state === 'stopping' ? `stopping>${machine.afterStop}` : machine.state
}

describe('the transition table', () => {
  for (const [situation, row] of Object.entries(table)) {
    for (const [event, expected] of Object.entries(row)) {
      it(`${situation} + ${event} -> ${expected}`, () => {
        const before = situations[situation as Situation]
        const { machine, action, timer } = transition(before, event as ProcessEvent, policy)
        const timerText = timer === 'keep' ? 'keep' : String(timer.ms ?? 'off')
        const unchanged = `${describeMachine(before)} none keep`
        expect(`${describeMachine(machine)} ${action} ${timerText}`).toBe(
          expected === '.' ? unchanged : expected,
        )
      })
    }
  }
})

describe('backing off', () => {
  it('begins at 100 ms, doubles and ends at 10 s', () => {
    const delays = [1, 2, 3, 4, 5, 6, 7, 8, 9, 1_000].map(backoffMs)
    expect(delays).toEqual([100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000, 10_000])
  })

  it('starts over after a stable time of running', () => {
    const stable = transition(situations.running, 'timer', policy).machine
    expect(transition(stable, 'exited', policy).timer).toEqual({ ms: 100 })
  })

  it('starts over after a restart on request', () => {
    const stopping = transition(situations.running, 'restart', policy).machine
    const started = transition(stopping, 'exited', policy).machine
    expect(started).toMatchObject({ state: 'starting', deaths: 0, restarts: 1 })
  })

  it('counts a child that never became ready as a death', () => {
    const stopping = transition(situations.starting, 'timer', policy).machine
    expect(transition(stopping, 'exited', policy).machine).toMatchObject({
      state: 'backing-off',
      deaths: 2,
    })
  })
})

describe('giving up', () => {
  const limited = { ...policy, deathsBeforeFirstReady: 2 }

  it('fails a process that died as often as allowed before it was ever ready', () => {
    const { machine, timer } = transition(situations.starting, 'exited', limited)
    expect(machine.state).toBe('failed')
    expect(timer).toEqual({ ms: undefined })
  })

  it('never fails a process that has served once', () => {
    const served = { ...situations.starting, everReady: true, deaths: 1_000 }
    expect(transition(served, 'exited', limited).machine.state).toBe('backing-off')
  })

  it('never fails a process without a limit', () => {
    const dying = { ...situations.starting, deaths: 1_000 }
    expect(transition(dying, 'exited', policy).machine.state).toBe('backing-off')
  })
})
