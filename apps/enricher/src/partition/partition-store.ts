import { createState, encode, fitState, openState, type DeviceState } from '@faultline/core/state'
import type { CompiledModel } from '@faultline/core/model'
import { FaultlineError } from '@faultline/runtime/errors'
import type { KafkaRecord, OutputRecord } from '@faultline/runtime/kafka'
import {
  decodeRawRecord,
  deviceKey,
  encodeRawRecord,
  parkedKey,
  parseChangelogKey,
  refusedKey,
  type RawRecord,
} from './changelog.ts'

/** A device's state, or its stored bytes until the first measurement after a restart tells the model. */
type Held = { readonly bytes: Uint8Array } | DeviceState

/**
 * The state of one partition, in memory, rebuilt from the changelog topic and written back to it in the transaction of each
 * batch: a changed device once per batch, however many of its measurements the batch holds.
 */
export class PartitionStore {
  readonly #devices = new Map<string, Held>()
  readonly #parked = new Map<string, RawRecord[]>()
  #parkedCount = 0
  #refusedInARow = 0
  #isRefusedChanged = false
  /** Changed since the last commit. */
  readonly #dirtyDevices = new Set<string>()
  readonly #parkedWrites: { key: Buffer; value: Buffer | null }[] = []

  get parkedCount(): number {
    return this.#parkedCount
  }

  restore(records: readonly KafkaRecord[]): void {
    for (const { key, value } of records) {
      const parsed = key === null ? null : parseChangelogKey(key)
      if (parsed === null) continue
      if (parsed.kind === 'refused')
        this.#refusedInARow = value === null ? 0 : value.readUInt32BE(0)
      else if (parsed.kind === 'device') {
        if (value === null) this.#devices.delete(parsed.deviceId)
        // Copied: a value is a view of the whole fetch it came in, which it would keep in memory.
        else this.#devices.set(parsed.deviceId, { bytes: new Uint8Array(value) })
      } else if (value === null) this.#removeParked(parsed.deviceId, parsed.offset)
      else this.#addParked(parsed.deviceId, decodeRawRecord(value, parsed.offset))
    }
  }

  /** Records refused since one was enriched, kept across restarts: a restart must not give a flood a new start. */
  get refusedInARow(): number {
    return this.#refusedInARow
  }

  countRefused(): void {
    this.#refusedInARow++
    this.#isRefusedChanged = true
  }

  resetRefused(): void {
    if (this.#refusedInARow === 0) return
    this.#refusedInARow = 0
    this.#isRefusedChanged = true
  }

  /** The state to work on, fitted to the model; it counts as changed from now on. @throws FaultlineError STATE_CORRUPT */
  deviceState(deviceId: string, model: CompiledModel): DeviceState {
    const held = this.#devices.get(deviceId)
    const state = held === undefined ? createState(model) : opened(held, model)
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

  park(deviceId: string, record: RawRecord): void {
    this.#addParked(deviceId, record)
    this.#parkedWrites.push({
      key: parkedKey(deviceId, record.offset),
      value: encodeRawRecord(record),
    })
  }

  isParked(deviceId: string): boolean {
    return this.#parked.has(deviceId)
  }

  parkedDevices(): readonly string[] {
    return [...this.#parked.keys()]
  }

  /** Takes all waiting measurements of a device, in their order. */
  unpark(deviceId: string): readonly RawRecord[] {
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
    if (this.#isRefusedChanged)
      changes.push({ topic, key: refusedKey, value: this.#refusedValue() })
    this.#isRefusedChanged = false
    this.#dirtyDevices.clear()
    this.#parkedWrites.length = 0
    return changes
  }

  #refusedValue(): Buffer | null {
    if (this.#refusedInARow === 0) return null
    const value = Buffer.alloc(4)
    value.writeUInt32BE(this.#refusedInARow)
    return value
  }

  /** Copied for the same reason as a device's bytes; an offset that is there already came by a repeated read. */
  #addParked(deviceId: string, { key, value, offset }: RawRecord): void {
    const records = this.#parked.get(deviceId) ?? []
    if ((records.at(-1)?.offset ?? -1) >= offset) return
    records.push({ key: key === null ? null : Buffer.from(key), value: Buffer.from(value), offset })
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
  throw new FaultlineError(
    'STATE_CORRUPT',
    `a device's stored state cannot be read: ${result.problem}`,
    {
      remedy:
        'A newer version wrote it, or the changelog topic was damaged: see docs/operating.md, "State".',
    },
  )
}

function bytesOf(held: Held): Uint8Array {
  return 'view' in held ? encode(held) : held.bytes
}
