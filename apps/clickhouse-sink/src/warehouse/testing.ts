import { FaultlineError } from '@faultline/runtime/errors'
import type {
  DeviceEventRow,
  DeviceModelRow,
  OffsetRange,
  RefusedRecord,
  RollUpLevel,
  Source,
  StoredMeasurement,
  WarehouseWriter,
} from './warehouse-writer.ts'

/** What becomes of the next call of `insertRange` or `rollUp`, for tests of failure. */
export type WriteFate = 'write' | 'write and lose the reply' | 'refuse'

/** A warehouse in memory, for tests. */
export class MemoryWarehouse implements WarehouseWriter {
  readonly #stored = new Map<string, StoredMeasurement[]>()
  readonly #tokens = new Set<string>()
  readonly #rolledUp = new Map<string, number>()
  readonly #refused = new Map<string, RefusedRecord>()
  readonly #models = new Map<string, DeviceModelRow>()
  readonly #events = new Map<number, DeviceEventRow>()
  fate: () => WriteFate = () => 'write'

  /** Every row stored of a topic, in the order it was stored: a row stored twice is here twice. */
  rows(topic: string): readonly StoredMeasurement[] {
    return [...this.#stored].flatMap(([key, rows]) => (key.startsWith(`${topic}/`) ? rows : []))
  }

  /** What a roll-up has taken in. */
  takenIn(topic: string, level: RollUpLevel): readonly StoredMeasurement[] {
    return [...this.#stored].flatMap(([key, rows]) => {
      const next = this.#rolledUp.get(`${level}:${key}`) ?? 0
      return key.startsWith(`${topic}/`)
        ? rows.filter(({ offset, measurement }) => offset < next && measurement.revision === 1)
        : []
    })
  }

  refused(): readonly RefusedRecord[] {
    return [...this.#refused.values()]
  }

  models(): readonly DeviceModelRow[] {
    return [...this.#models.values()]
  }

  events(): readonly DeviceEventRow[] {
    return [...this.#events.values()]
  }

  ensure(): Promise<void> {
    return Promise.resolve()
  }

  storedNext(source: Source): Promise<number | null> {
    const offsets = this.#of(source).map(({ offset }) => offset)
    return Promise.resolve(offsets.length === 0 ? null : Math.max(...offsets) + 1)
  }

  async insertRange(range: OffsetRange, rows: readonly StoredMeasurement[]): Promise<void> {
    const fate = this.fate()
    if (fate === 'refuse') throw unavailable()
    const held = this.#of(range).filter(({ offset }) => offset >= range.start && offset < range.end)
    const token = `${key(range)}:${range.start}-${range.end}`
    if (!this.#tokens.has(token)) {
      if (held.length > 0) throw new FaultlineError('STATE_CORRUPT', 'other rows are there')
      this.#tokens.add(token)
      this.#of(range).push(...rows)
    } else if (held.length !== rows.length) {
      throw new FaultlineError('STATE_CORRUPT', 'the range had other rows before')
    }
    if (fate === 'write and lose the reply') throw unavailable()
    await Promise.resolve()
  }

  keepRefused(records: readonly RefusedRecord[]): Promise<void> {
    for (const record of records) this.#refused.set(`${key(record)}:${record.offset}`, record)
    return Promise.resolve()
  }

  keepModels(rows: readonly DeviceModelRow[]): Promise<void> {
    for (const row of rows) {
      if ((this.#models.get(row.model)?.lsn ?? 0) <= row.lsn) this.#models.set(row.model, row)
    }
    return Promise.resolve()
  }

  keepEvents(rows: readonly DeviceEventRow[]): Promise<void> {
    for (const row of rows) {
      if ((this.#events.get(row.id)?.lsn ?? 0) <= row.lsn) this.#events.set(row.id, row)
    }
    return Promise.resolve()
  }

  removeEvents(lsn: number): Promise<void> {
    for (const [id, row] of this.#events) {
      if (row.lsn < lsn) this.#events.set(id, { ...row, lsn, is_deleted: 1 })
    }
    return Promise.resolve()
  }

  rolledUpTo(source: Source, level: RollUpLevel): Promise<number> {
    return Promise.resolve(this.#rolledUp.get(`${level}:${key(source)}`) ?? 0)
  }

  async rollUp(source: Source, level: RollUpLevel, end: number): Promise<number> {
    const name = `${level}:${key(source)}`
    const next = Math.max(this.#rolledUp.get(name) ?? 0, end)
    if (this.#of(source).some(({ offset }) => offset < end)) this.#rolledUp.set(name, next)
    return await Promise.resolve(next)
  }

  #of(source: Source): StoredMeasurement[] {
    const rows = this.#stored.get(key(source)) ?? []
    this.#stored.set(key(source), rows)
    return rows
  }
}

function key({ topic, partition }: Source): string {
  return `${topic}/${partition}`
}

function unavailable(): FaultlineError {
  return new FaultlineError('WAREHOUSE_UNAVAILABLE', 'the warehouse of the test is away')
}
