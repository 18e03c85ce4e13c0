/**
 * The life of one supervised process as a pure state machine: SPEC.md holds the full table and the invariants.
 * No clock, no child: the driver (supervised-process.ts) carries out the returned action and owns the one timer.
 */

export type ProcessState =
  'stopped' | 'starting' | 'running' | 'stopping' | 'backing-off' | 'failed'

/** Where a stopping process goes once its child has exited. */
type AfterStop = 'stopped' | 'starting' | 'backing-off'

export type ProcessEvent =
  | 'start'
  | 'stop'
  | 'restart'
  | 'kill'
  /** The readiness check of the running child resolved. */
  | 'ready'
  /** The readiness check of the running child rejected for good. */
  | 'unready'
  /** The child is gone, or could not be spawned at all. */
  | 'exited'
  /** The one timer of the present state elapsed. */
  | 'timer'

export interface ProcessMachine {
  readonly state: ProcessState
  /** Meaningful while stopping only. */
  readonly afterStop: AfterStop
  /** SIGKILL has been sent to the present child. */
  readonly killed: boolean
  readonly everReady: boolean
  /** Deaths in a row; back to 0 after a stable time of running or a restart on request. */
  readonly deaths: number
  /** Children started after the first one. */
  readonly restarts: number
}

export interface ProcessPolicy {
  /** A child that is not ready by then is stopped and started anew; undefined waits without a limit. */
  readonly readyTimeoutMs: number | undefined
  readonly stopTimeoutMs: number
  readonly killTimeoutMs: number
  /** Running this long ends a row of deaths. */
  readonly stableMs: number
  /** A process that died this often before it was ever ready has failed; undefined never gives up. */
  readonly deathsBeforeFirstReady: number | undefined
}

/** What the driver does. A changed timer replaces the old one; `undefined` means that none runs. */
export interface ProcessStep {
  readonly machine: ProcessMachine
  readonly action: 'none' | 'spawn' | 'signal' | 'kill'
  readonly timer: 'keep' | { readonly ms: number | undefined }
}

export const initialMachine: ProcessMachine = {
  state: 'stopped',
  afterStop: 'stopped',
  killed: false,
  everReady: false,
  deaths: 0,
  restarts: 0,
}

const backoffFirstMs = 100
const backoffMaxMs = 10_000

/** Delay before the next start after `deaths` deaths in a row (1, 2, …): 100 ms, doubling up to 10 s. */
export function backoffMs(deaths: number): number {
  return Math.min(backoffMaxMs, backoffFirstMs * 2 ** Math.min(Math.max(0, deaths - 1), 16))
}

type Handler = (machine: ProcessMachine, policy: ProcessPolicy) => ProcessStep

const toStopped: Handler = (machine, policy) => stopping(machine, 'stopped', policy)
const toStarting: Handler = (machine, policy) => stopping(machine, 'starting', policy)
const toBackingOff: Handler = (machine, policy) => stopping(machine, 'backing-off', policy)
const spawnAfresh: Handler = (machine, policy) => spawn({ ...machine, deaths: 0 }, policy)
const respawnAfresh: Handler = (machine, policy) => respawn({ ...machine, deaths: 0 }, policy)
const killForGood: Handler = (machine, policy) =>
  killing({ ...machine, afterStop: 'stopped' }, policy)
/** A failed process may still own a child that survived SIGKILL; until that one is gone nothing is started. */
const unlessKilled =
  (handler: Handler): Handler =>
  (machine, policy) =>
    machine.killed ? ignore(machine) : handler(machine, policy)

const handlers: Readonly<Record<ProcessState, Readonly<Record<ProcessEvent, Handler>>>> = {
  stopped: {
    start: spawnAfresh,
    stop: ignore,
    restart: ignore,
    kill: ignore,
    ready: ignore,
    unready: ignore,
    exited: ignore,
    timer: ignore,
  },
  starting: {
    start: ignore,
    stop: toStopped,
    restart: toStarting,
    kill: killForGood,
    ready: (machine, policy) =>
      move({ ...machine, state: 'running', everReady: true }, 'none', policy.stableMs),
    unready: toBackingOff,
    exited: died,
    timer: toBackingOff,
  },
  running: {
    start: ignore,
    stop: toStopped,
    restart: toStarting,
    kill: killForGood,
    ready: ignore,
    unready: ignore,
    exited: died,
    timer: (machine) => move({ ...machine, deaths: 0 }, 'none', undefined),
  },
  stopping: {
    start: ignore,
    stop: (machine) => ignore({ ...machine, afterStop: 'stopped' }),
    // A stop wins over a restart that comes too late.
    restart: (machine) =>
      ignore(machine.afterStop === 'stopped' ? machine : { ...machine, afterStop: 'starting' }),
    kill: (machine, policy) =>
      machine.killed ? ignore({ ...machine, afterStop: 'stopped' }) : killForGood(machine, policy),
    ready: ignore,
    unready: ignore,
    exited: afterStopped,
    timer: (machine, policy) =>
      machine.killed
        ? move({ ...machine, state: 'failed' }, 'none', undefined)
        : killing(machine, policy),
  },
  'backing-off': {
    start: respawnAfresh,
    stop: rest,
    restart: respawnAfresh,
    kill: rest,
    ready: ignore,
    unready: ignore,
    exited: ignore,
    timer: respawn,
  },
  failed: {
    start: unlessKilled(spawnAfresh),
    stop: ignore,
    restart: unlessKilled(respawnAfresh),
    kill: ignore,
    ready: ignore,
    unready: ignore,
    exited: (machine) => (machine.killed ? rest({ ...machine, killed: false }) : ignore(machine)),
    timer: ignore,
  },
}

export function transition(
  machine: ProcessMachine,
  event: ProcessEvent,
  policy: ProcessPolicy,
): ProcessStep {
  return handlers[machine.state][event](machine, policy)
}

function afterStopped(machine: ProcessMachine, policy: ProcessPolicy): ProcessStep {
  const gone = { ...machine, killed: false }
  switch (machine.afterStop) {
    case 'stopped':
      return rest(gone)
    case 'starting':
      return respawn({ ...gone, deaths: 0 }, policy)
    case 'backing-off':
      return died(gone, policy)
  }
}

function died(machine: ProcessMachine, policy: ProcessPolicy): ProcessStep {
  const dead = { ...machine, deaths: machine.deaths + 1 }
  const limit = policy.deathsBeforeFirstReady
  if (!dead.everReady && limit !== undefined && dead.deaths >= limit) {
    return move({ ...dead, state: 'failed' }, 'none', undefined)
  }
  return move({ ...dead, state: 'backing-off' }, 'none', backoffMs(dead.deaths))
}

function spawn(machine: ProcessMachine, policy: ProcessPolicy): ProcessStep {
  return move({ ...machine, state: 'starting' }, 'spawn', policy.readyTimeoutMs)
}

function respawn(machine: ProcessMachine, policy: ProcessPolicy): ProcessStep {
  return spawn({ ...machine, restarts: machine.restarts + 1 }, policy)
}

function stopping(
  machine: ProcessMachine,
  afterStop: AfterStop,
  policy: ProcessPolicy,
): ProcessStep {
  return move({ ...machine, state: 'stopping', afterStop }, 'signal', policy.stopTimeoutMs)
}

function killing(machine: ProcessMachine, policy: ProcessPolicy): ProcessStep {
  return move({ ...machine, state: 'stopping', killed: true }, 'kill', policy.killTimeoutMs)
}

function rest(machine: ProcessMachine): ProcessStep {
  return move({ ...machine, state: 'stopped' }, 'none', undefined)
}

function move(
  machine: ProcessMachine,
  action: ProcessStep['action'],
  ms: number | undefined,
): ProcessStep {
  return { machine, action, timer: { ms } }
}

function ignore(machine: ProcessMachine): ProcessStep {
  return { machine, action: 'none', timer: 'keep' }
}
