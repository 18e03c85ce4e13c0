import {
  createState,
  encode,
  fitState,
  openState,
  SeenRows,
  type DeviceState,
} from '@faultline/core/state'
import type { CompiledModel } from '@faultline/core/model'
import { FaultlineError } from '@faultline/runtime/errors'
import type { KafkaRecord, OutputRecord } from '@faultline/runtime/kafka'
import {
  decodeParked,
  deviceKey,
  encodeParked,
  parkedKey,
  parseChangelogKey,
  refusedKey,
  rowsEdgeKey,
  rowsKey,
  type ChangelogKey,
  type ParkedRecord,
} from './changelog.ts'
import { Refusals, type RefusalLimits } from './refusals.ts'

export interface StoreLimits extends RefusalLimits {
  /** Bitmaps of 8,192 row ids kept to recognise rows that are delivered again. */
  readonly rowChunksMax: number
}

/** A device's state, or its stored bytes until the first measurement after a restart tells the model. */
type Held = { readonly bytes: Uint8Array } | DeviceState

/**
 * The state of one partition, in memory, rebuilt from the changelog topic and written back to it in the transaction of each
 * batch: a changed device once per batch, however many of its measurements the batch holds.
 */
export class PartitionStore {
  readonly #devices = new Map<string, Held>()
  readonly #parked = new Map<string, ParkedRecord[]>()
  #parkedCount = 0
  /** Rows that were enriched or wait. */
  readonly rows: SeenRows
  readonly refusals: Refusals
  /** Changed since the last commit. */
  readonly #dirtyDevices = new Set<string>()
  readonly #parkedWrites: { key: Buffer; value: Buffer | null }[] = []

  constructor(limits: StoreLimits) {
    this.rows = new SeenRows(limits.rowChunksMax)
    this.refusals = new Refusals(limits)
  }

  get parkedCount(): number {
    return this.#parkedCount
  }

  /** @throws FaultlineError STATE_CORRUPT */
  restore(records: readonly KafkaRecord[]): void {
    for (const { key, value } of records) {
      const parsed = key === null ? null : parseChangelogKey(key)
      if (parsed !== null) this.#restoreEntry(parsed, value)
    }
  }

  #restoreEntry(key: ChangelogKey, value: Buffer | null): void {
    switch (key.kind) {
      case 'refused':
        this.refusals.restore(value)
        return
      case 'rows-edge':
        if (value !== null && !this.rows.restoreEdge(value)) throw corrupt('the entry of its rows')
        return
      case 'rows':
        if (!this.rows.restoreChunk({ chunk: key.chunk, bytes: value }))
          throw corrupt('a row bitmap')
        return
      case 'device':
        if (value === null) this.#devices.delete(key.deviceId)
        // Copied: a value is a view of the whole fetch it came in, which it would keep in memory.
        else this.#devices.set(key.deviceId, { bytes: new Uint8Array(value) })
        return
      case 'parked':
        if (value === null) this.#removeParked(key.deviceId, key.offset)
        else this.#addParked(key.deviceId, decodeParked(value, key.offset))
    }
  }

  /** The state to work on, fitted to the model; it counts as changed from now on. @throws FaultlineError STATE_CORRUPT */
  deviceState(deviceId: string, model: CompiledModel): DeviceState {
    const held = this.#devices.get(deviceId)
    const state = held === undefined ? createState(model) : opened(held, model)
    this.#devices.set(deviceId, state)
    this.#dirtyDevices.add(deviceId)
    return state
  }

  /** A new state in place of the one that ended. */
  restartDevice(deviceId: string, model: CompiledModel): DeviceState {
    const state = createState(model)
    this.#devices.set(deviceId, state)
    this.#dirtyDevices.add(deviceId)
    return state
  }

  hasDevice(deviceId: string): boolean {
    return this.#devices.has(deviceId)
  }

  removeDevice(deviceId: string): void {
    this.#devices.delete(deviceId)
    this.#dirtyDevices.add(deviceId)
  }

  park(deviceId: string, record: ParkedRecord): void {
    this.#addParked(deviceId, record)
    this.#parkedWrites.push({
      key: parkedKey(deviceId, record.offset),
      value: encodeParked(record),
    })
  }

  isParked(deviceId: string): boolean {
    return this.#parked.has(deviceId)
  }

  parkedDevices(): readonly string[] {
    return [...this.#parked.keys()]
  }

  firstParked(deviceId: string): ParkedRecord | undefined {
    return this.#parked.get(deviceId)?.[0]
  }

  /** Takes all waiting measurements of a device, in their order. */
  unpark(deviceId: string): readonly ParkedRecord[] {
    const records = this.#parked.get(deviceId) ?? []
    this.#parked.delete(deviceId)
    this.#parkedCount -= records.length
    for (const { offset } of records) {
      this.#parkedWrites.push({ key: parkedKey(deviceId, offset), value: null })
    }
    return records
  }

  /** What changed since the last call, for the changelog. */
  takeChanges(topic: string): OutputRecord[] {
    const changes: OutputRecord[] = [...this.#dirtyDevices].map((deviceId) => {
      const held = this.#devices.get(deviceId)
      // Copied, because the next measurement works on the same bytes while these may still be on their way.
      const value = held === undefined ? null : Buffer.from(bytesOf(held))
      return { topic, key: deviceKey(deviceId), value }
    })
    for (const { key, value } of this.#parkedWrites) changes.push({ topic, key, value })
    for (const { chunk, bytes } of this.rows.takeChunks()) {
      changes.push({ topic, key: rowsKey(chunk), value: bytes === null ? null : asBuffer(bytes) })
    }
    const edge = this.rows.takeEdge()
    if (edge !== null) changes.push({ topic, key: rowsEdgeKey, value: asBuffer(edge) })
    const refusals = this.refusals.takeChange()
    if (refusals !== null) changes.push({ topic, key: refusedKey, value: refusals.value })
    this.#dirtyDevices.clear()
    this.#parkedWrites.length = 0
    return changes
  }

  /** Copied for the same reason as a device's bytes; an offset that is there already came by a repeated read. */
  #addParked(deviceId: string, record: ParkedRecord): void {
    const records = this.#parked.get(deviceId) ?? []
    const { key, value } = record
    if ((records.at(-1)?.offset ?? -1) >= record.offset) return
    const copy = { key: key === null ? null : Buffer.from(key), value: Buffer.from(value) }
    records.push({ ...record, ...copy })
    this.#parked.set(deviceId, records)
    this.#parkedCount++
  }

  #removeParked(deviceId: string, offset: number): void {
    const left = (this.#parked.get(deviceId) ?? []).filter((record) => record.offset !== offset)
    this.#parkedCount -= (this.#parked.get(deviceId)?.length ?? 0) - left.length
    if (left.length === 0) this.#parked.delete(deviceId)
    else this.#parked.set(deviceId, left)
  }
}

function opened(held: Held, model: CompiledModel): DeviceState {
  if ('view' in held) return fitState(held, model)
  const result = openState(held.bytes, model)
  if (result.ok) return result.state
  throw corrupt(`a device's stored state (${result.problem})`)
}

function corrupt(what: string): FaultlineError {
  return new FaultlineError('STATE_CORRUPT', `the partition's state cannot be read: ${what}`, {
    remedy:
      'A newer version wrote it, or the changelog topic was damaged: see docs/operating.md, "State".',
  })
}

function bytesOf(held: Held): Uint8Array {
  return 'view' in held ? encode(held) : held.bytes
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
