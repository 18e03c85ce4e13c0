import { comparePositions, type LogPosition } from '../join/index.ts'
import { startsKeptMax, type CompiledModel } from '../model/index.ts'
import {
  channelBytes,
  channelsAt,
  counter,
  countersAt,
  header,
  layoutVersion,
  noValueYet,
  running,
  stateLength,
  versionOne,
} from './layout.ts'

/** What is known about a device, in the one form that is both worked on and stored. `view` and `bytes` share memory. */
export interface DeviceState {
  readonly bytes: Uint8Array
  readonly view: DataView
}

/** Why stored bytes are not a state. */
export type StateProblem = 'UNKNOWN_VERSION' | 'WRONG_LENGTH' | 'INVALID_CONTENT'

export type OpenedState =
  | { readonly ok: true; readonly state: DeviceState }
  | { readonly ok: false; readonly problem: StateProblem }

/** The state of a device that was never seen. */
export function createState(model: CompiledModel): DeviceState {
  const counters = model.startCounters.length
  const state = viewOf(new Uint8Array(stateLength(counters, model.channels.length)))
  const { view } = state
  view.setUint8(header.version, layoutVersion)
  view.setUint8(header.counters, counters)
  view.setUint32(header.channels, model.channels.length, true)
  view.setUint32(header.channelHash, model.channelHashes.at(-1) ?? 0, true)
  model.startCounters.forEach(({ key }, index) => {
    view.setUint32(countersAt + index * counter.bytes + counter.key, key, true)
  })
  const channels = channelsAt(counters)
  for (let i = 0; i < model.channels.length; i++) {
    view.setFloat64(channels + i * channelBytes + 8, noValueYet, true)
  }
  return state
}

/**
 * Opens stored bytes for work under a model (see `fitState`). The bytes are copied: they may be part of a larger buffer
 * that the reader will reuse.
 */
export function openState(bytes: Uint8Array, model: CompiledModel): OpenedState {
  if (bytes.length === 0) return { ok: false, problem: 'WRONG_LENGTH' }
  if (bytes[0] !== 1 && bytes[0] !== layoutVersion) return { ok: false, problem: 'UNKNOWN_VERSION' }
  const current = bytes[0] === 1 ? fromVersionOne(bytes) : new Uint8Array(bytes)
  if (current.length < countersAt) return { ok: false, problem: 'WRONG_LENGTH' }
  const state = viewOf(current)
  const counters = state.view.getUint8(header.counters)
  const channels = state.view.getUint32(header.channels, true)
  if (current.length !== stateLength(counters, channels)) {
    return { ok: false, problem: 'WRONG_LENGTH' }
  }
  if (!hasValidContent(state)) return { ok: false, problem: 'INVALID_CONTENT' }
  return { ok: true, state: fitState(state, model) }
}

/**
 * The state made to fit a model: itself when it does already, else a new one. Event count, clock, decayed faults and
 * position are always kept. Channel statistics are kept when the model has the same name and the same channels in
 * the same order, and possibly more; else they restart. Start counters are kept where the same model still counts the same.
 */
export function fitState(state: DeviceState, model: CompiledModel): DeviceState {
  if (fits(state, model)) return state
  const fitted = createState(model)
  fitted.bytes.set(state.bytes.subarray(header.events, countersAt), header.events)
  const { view } = state
  const channels = view.getUint32(header.channels, true)
  if (model.channelHashes[channels] !== view.getUint32(header.channelHash, true)) return fitted
  const from = channelsAt(view.getUint8(header.counters))
  fitted.bytes.set(state.bytes.subarray(from), channelsAt(model.startCounters.length))
  model.startCounters.forEach(({ key }, index) => {
    const kept = counterWithKey(state, key)
    if (kept !== null) fitted.bytes.set(kept, countersAt + index * counter.bytes)
  })
  return fitted
}

/** The state's own bytes, not a copy: they change with the next measurement. */
export function encode(state: DeviceState): Uint8Array {
  return state.bytes
}

/** Measurements scored so far. */
export function eventCount(state: DeviceState): number {
  return state.view.getFloat64(header.events, true)
}

/** Newest event time seen, epoch ms; null before the first measurement. */
export function lastMeasuredAt(state: DeviceState): number | null {
  return eventCount(state) === 0 ? null : state.view.getFloat64(header.lastMeasuredAt, true)
}

/** Sum of fault scores, each halved for every half-life that has passed between its event time and the newest. */
export function decayedFaults(state: DeviceState): number {
  return state.view.getFloat64(header.decayedFaults, true)
}

/** Where the newest of the scored measurements, in commit order, stands in the log; the start of the log before the first. */
export function lastPosition({ view }: DeviceState): LogPosition {
  return { commit: view.getFloat64(header.commit, true), lsn: view.getFloat64(header.lsn, true) }
}

/** Notes where a scored measurement stands in the log; one that stands earlier than the newest changes nothing. */
export function advancePosition(state: DeviceState, position: LogPosition): void {
  if (comparePositions(position, lastPosition(state)) <= 0) return
  state.view.setFloat64(header.commit, position.commit, true)
  state.view.setFloat64(header.lsn, position.lsn, true)
}

/** Whether `score` may work on this state under this model without `fitState`. */
export function fits(state: DeviceState, model: CompiledModel): boolean {
  const { view } = state
  if (
    view.getUint32(header.channels, true) !== model.channels.length ||
    view.getUint32(header.channelHash, true) !== model.channelHashes[model.channels.length] ||
    view.getUint8(header.counters) !== model.startCounters.length
  ) {
    return false
  }
  for (let i = 0; i < model.startCounters.length; i++) {
    const key = view.getUint32(countersAt + i * counter.bytes + counter.key, true)
    if (key !== model.startCounters[i]?.key) return false
  }
  return true
}

/** The bytes of version 1 in the present layout; too short when they were. The newest of its last changes is the position. */
function fromVersionOne(bytes: Uint8Array): Uint8Array {
  const { remembered, ring, ringLength, countersAt: formerCountersAt } = versionOne
  if (bytes.length < formerCountersAt) return new Uint8Array(0)
  const former = viewOf(bytes)
  const state = viewOf(new Uint8Array(bytes.length - formerCountersAt + countersAt))
  state.bytes.set(bytes.subarray(0, header.commit))
  state.bytes.set(bytes.subarray(formerCountersAt), countersAt)
  state.view.setUint8(header.version, layoutVersion)
  const changes = former.view.getUint32(remembered, true)
  state.view.setUint32(remembered, 0, true)
  if (changes === 0) return state.bytes
  const lsn = former.view.getFloat64(ring + ((changes - 1) % ringLength) * 16, true)
  state.view.setFloat64(header.commit, lsn, true)
  state.view.setFloat64(header.lsn, lsn, true)
  return state.bytes
}

function viewOf(bytes: Uint8Array): DeviceState {
  return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) }
}

function counterWithKey(state: DeviceState, key: number): Uint8Array | null {
  for (let i = 0; i < state.view.getUint8(header.counters); i++) {
    const at = countersAt + i * counter.bytes
    if (state.view.getUint32(at + counter.key, true) === key) {
      return state.bytes.subarray(at, at + counter.bytes)
    }
  }
  return null
}

function hasValidContent(state: DeviceState): boolean {
  const { view } = state
  const events = view.getFloat64(header.events, true)
  return (
    Number.isSafeInteger(events) &&
    events >= 0 &&
    Number.isFinite(view.getFloat64(header.lastMeasuredAt, true)) &&
    isFiniteAndNotNegative(view.getFloat64(header.decayedFaults, true)) &&
    Number.isFinite(view.getFloat64(header.commit, true)) &&
    Number.isFinite(view.getFloat64(header.lsn, true)) &&
    hasValidCounters(state) &&
    hasValidChannels(state)
  )
}

function hasValidCounters({ view }: DeviceState): boolean {
  for (let at = countersAt; at < channelsAt(view.getUint8(header.counters)); at += counter.bytes) {
    if (view.getUint8(at + counter.running) > running.yes) return false
    if (view.getUint8(at + counter.length) > startsKeptMax) return false
    if (view.getUint8(at + counter.oldest) >= startsKeptMax) return false
  }
  return true
}

function hasValidChannels({ view }: DeviceState): boolean {
  const first = channelsAt(view.getUint8(header.counters))
  for (let at = first; at < view.byteLength; at += channelBytes) {
    const variance = view.getFloat64(at + 8, true)
    if (!Number.isFinite(view.getFloat64(at, true))) return false
    if (!isFiniteAndNotNegative(variance) && variance !== noValueYet) return false
  }
  return true
}

function isFiniteAndNotNegative(value: number): boolean {
  return Number.isFinite(value) && value >= 0
}
