import { isDeepStrictEqual } from 'node:util'
import { VersionedTable, type LogPosition } from '@faultline/core/join'
import { compileModel, type CatalogDevice, type CompiledModel } from '@faultline/core/model'
import type { Change } from '../change/change.ts'
import { toDevice, toModel, unavailableColumns } from './catalog-rows.ts'

/** A device with the model it had, as they were for one measurement. */
export interface JoinedDevice {
  readonly device: CatalogDevice
  /** The device's id in bytes, made once for each version of its row. */
  readonly key: Buffer
  readonly model: CompiledModel
  /** LSN of the catalog row. */
  readonly catalogLsn: number
}

/** What a catalog row was found to be wrong with, for the log. */
export type CatalogProblem = (problem: { readonly table: string; readonly message: string }) => void

/** Devices and models with their history, fed from the catalog topics. */
export class Catalog {
  readonly #devices = new VersionedTable<CatalogDevice>()
  readonly #models = new VersionedTable<CompiledModel>()
  readonly #keys = new WeakMap<CatalogDevice, Buffer>()
  readonly #onProblem: CatalogProblem

  constructor(onProblem: CatalogProblem) {
    this.#onProblem = onProblem
  }

  applyDevice(change: Change): void {
    if (change.op === 't') {
      this.#devices.truncate(change.position)
      return
    }
    const key = (change.after ?? change.before)?.['device_id']
    if (typeof key !== 'string') {
      this.#onProblem({ table: 'device_catalog', message: 'a change without device_id' })
      return
    }
    // The key may have changed: the former device is gone then.
    const former = change.before?.['device_id']
    if (typeof former === 'string' && former !== key) {
      this.#devices.apply(former, { position: change.position, row: null })
    }
    if (!this.#isWhole('device_catalog', key, change)) return
    const row = change.after === null ? null : toDevice(change.after)
    if (change.after !== null && row === null) {
      this.#onProblem({ table: 'device_catalog', message: `the row of ${key} is not usable` })
      return
    }
    applyTo(this.#devices, key, change, row)
  }

  applyModel(change: Change): void {
    if (change.op === 't') {
      this.#models.truncate(change.position)
      return
    }
    const key = (change.after ?? change.before)?.['model']
    if (typeof key !== 'string') {
      this.#onProblem({ table: 'device_models', message: 'a change without model' })
      return
    }
    if (change.after === null) {
      this.#models.apply(key, { position: change.position, row: null })
      return
    }
    if (!this.#isWhole('device_models', key, change)) return
    const parsed = toModel(change.after)
    for (const message of parsed.problems) this.#onProblem({ table: 'device_models', message })
    if (parsed.model === null) return
    const compiled = compileModel(parsed.model)
    for (const message of compiled.problems) this.#onProblem({ table: 'device_models', message })
    applyTo(this.#models, key, change, compiled)
  }

  #isWhole(table: string, key: string, { after }: Change): boolean {
    // Attributes are the one large column that nothing here reads.
    const missing = unavailableColumns(after ?? {}).filter((column) => column !== 'attributes')
    if (missing.length === 0) return true
    const remedy = `alter table ${table} replica identity full, then update the row`
    const message = `the update of ${key} came without ${missing.join(', ')}: ${remedy}`
    this.#onProblem({ table, message })
    return false
  }

  /** The device and model that count for a measurement at `position`; undefined while either is unknown. */
  asOf(deviceId: string, position: LogPosition): JoinedDevice | undefined {
    const device = this.#devices.asOf(deviceId, position)
    if (device === undefined) return undefined
    const model = this.#models.asOf(device.row.model, position)
    if (model === undefined) return undefined
    const key = this.#keyOf(device.row)
    return { device: device.row, key, model: model.row, catalogLsn: device.position.lsn }
  }

  #keyOf(device: CatalogDevice): Buffer {
    let key = this.#keys.get(device)
    if (key === undefined) {
      key = Buffer.from(device.device_id)
      this.#keys.set(device, key)
    }
    return key
  }

  isDeleted(deviceId: string): boolean {
    return this.#devices.isDeleted(deviceId)
  }

  /** Where the log deletes a device that is deleted; undefined for one that is not. */
  deletedSince(deviceId: string): LogPosition | undefined {
    return this.#devices.deletedSince(deviceId)
  }

  /** Whether a device was deleted later than `after` and no later than `until`. */
  wasDeletedBetween(deviceId: string, after: LogPosition, until: LogPosition): boolean {
    return this.#devices.wasDeletedBetween(deviceId, after, until)
  }

  /** How many deletions of devices were applied; it only grows. */
  get deletions(): number {
    return this.#devices.deletions
  }

  deletedDevices(): Iterable<string> {
    return this.#devices.deletedKeys()
  }
}

/** A snapshot that reads what is known already makes no version, so that records and their catalog_lsn stay the same. */
function applyTo<Row>(
  table: VersionedTable<Row>,
  key: string,
  { op, position }: Change,
  row: Row | null,
): void {
  if (op === 'r' && isDeepStrictEqual(table.newest(key), row)) return
  table.apply(key, { position, row })
}
