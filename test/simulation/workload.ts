import { comparePositions } from '@faultline/core/join'
import type { SimBroker } from './model/sim-broker.ts'
import type { Chance } from '../support/chance.ts'
import type { Scheduler } from './scheduler.ts'
import type { Tally } from './tally.ts'
import type { Trace } from './trace.ts'

export const simTopics = {
  models: 'models',
  catalog: 'catalog',
  measurements: 'raw',
  enriched: 'enriched',
  state: 'state',
  deadLetters: 'dead',
} as const

/** A row of the database, with what must become of it. */
export interface Row {
  readonly id: number
  readonly deviceId: string
  readonly lsn: number
  readonly partition: number
  readonly kind: 'good' | 'garbage' | 'no readings' | 'future'
}

interface DeviceVersion {
  readonly lsn: number
  /** null: deleted. */
  readonly name: string | null
}

interface WorkloadParts {
  readonly scheduler: Scheduler
  readonly random: Chance
  readonly tally: Tally
  readonly trace: Trace
  readonly broker: SimBroker
  readonly partitions: number
}

interface Emission {
  readonly topic: string
  readonly partition: number
  readonly value: Buffer
  readonly row?: Row
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))

/** Rows that Debezium may read again after it was killed: what it wrote since its offset was flushed. */
const repeatedMax = 10

/**
 * PostgreSQL and Debezium in one: rows of devices and changes of the catalog in commit order, written to Kafka once and now and
 * then again. It keeps what it wrote, which is what everything else is judged by.
 */
export class Workload {
  readonly #parts: WorkloadParts
  readonly #versions = new Map<string, DeviceVersion[]>()
  readonly #recent: Emission[] = []
  readonly rows = new Map<number, Row>()
  /** What was written to the raw topic: a row each, some of them more than once. */
  readonly raw: { readonly partition: number; readonly offset: number; readonly row: Row }[] = []
  readonly #devices: string[]
  #lsn = 1_000
  #nextId = 1
  isDone = false

  constructor(parts: WorkloadParts, devices: number) {
    this.#parts = parts
    this.#devices = Array.from({ length: devices }, (_, i) => `D${i}`)
  }

  partitionOf(deviceId: string): number {
    return Number(deviceId.slice(1)) % this.#parts.partitions
  }

  /** The model and most devices, then rows and changes until `untilMs`. */
  start(untilMs: number, rowsTotal: number): void {
    const { scheduler, random } = this.#parts
    this.#write(simTopics.models, 0, {
      model: 'm',
      type: 'pump',
      channels: ['hot', 'cold'],
      units: ['C', 'C'],
      rules: JSON.stringify([{ code: 'HOT', channel: 'hot', above: 30 }]),
    })
    for (const deviceId of this.#devices) if (random.isTrue(0.7)) this.#register(deviceId)
    const start = scheduler.now
    for (let i = 0; i < rowsTotal; i++) {
      scheduler.after(random.next() * (untilMs - start), () => {
        this.#act()
      })
    }
    scheduler.after(untilMs - start, () => {
      this.isDone = true
    })
  }

  /** Debezium was killed and reads again from the offset it flushed last. */
  repeat(): void {
    const { random, tally } = this.#parts
    const count = Math.min(this.#recent.length, random.between(1, repeatedMax))
    tally.add('rows delivered again', count)
    for (const emission of this.#recent.slice(this.#recent.length - count)) this.#append(emission)
  }

  /** The device's name for a row written at `lsn`, by the history as it is now; undefined where it has none. */
  nameAt(deviceId: string, lsn: number): string | undefined {
    const versions = this.#versions.get(deviceId) ?? []
    const at = { commit: lsn - 1, lsn }
    const before = versions.filter(
      (version) => comparePositions({ commit: version.lsn - 1, lsn: version.lsn }, at) <= 0,
    )
    const counting = before.at(-1)?.name
    if (typeof counting === 'string') return counting
    return versions.slice(before.length).find(({ name }) => name !== null)?.name ?? undefined
  }

  isPresent(deviceId: string): boolean {
    return typeof this.#versions.get(deviceId)?.at(-1)?.name === 'string'
  }

  /** Whether the log deletes the device behind `after` and not behind `until`. */
  wasDeletedBetween(deviceId: string, after: number, until: number): boolean {
    const versions = this.#versions.get(deviceId) ?? []
    return versions.some(({ lsn, name }) => name === null && lsn > after && lsn <= until)
  }

  wasDeleted(deviceId: string): boolean {
    return this.#versions.get(deviceId)?.at(-1)?.name === null
  }

  #act(): void {
    const { random } = this.#parts
    const deviceId = random.pick(this.#devices)
    const drawn = random.next()
    if (drawn < 0.06) this.#register(deviceId)
    else if (drawn < 0.09) this.#delete(deviceId)
    else if (drawn < 0.12) this.#row(deviceId, random.pick(['garbage', 'no readings', 'future']))
    else {
      const burst = random.isTrue(0.2) ? random.between(2, 6) : 1
      for (let i = 0; i < burst; i++) this.#row(deviceId, 'good')
    }
  }

  #register(deviceId: string): void {
    const lsn = this.#nextLsn()
    const name = `${deviceId}@${lsn}`
    this.#versionsOf(deviceId).push({ lsn, name })
    this.#write(
      simTopics.catalog,
      0,
      { device_id: deviceId, type: 'pump', model: 'm', name, line: 'L1', location: null },
      lsn,
    )
  }

  #delete(deviceId: string): void {
    if (!this.isPresent(deviceId)) return
    const lsn = this.#nextLsn()
    this.#versionsOf(deviceId).push({ lsn, name: null })
    this.#emit({
      topic: simTopics.catalog,
      partition: 0,
      value: this.#event('d', { device_id: deviceId }, lsn),
    })
  }

  #row(deviceId: string, kind: Row['kind']): void {
    const { scheduler, random } = this.#parts
    const id = this.#nextId++
    const lsn = this.#nextLsn()
    const partition = this.partitionOf(deviceId)
    const written: Row = { id, deviceId, lsn, partition, kind }
    this.rows.set(id, written)
    const ahead = kind === 'future' ? 86_400_000 : 0
    const row = {
      id,
      device_id: deviceId,
      measured_at: new Date(scheduler.now + ahead).toISOString(),
      readings: kind === 'no readings' ? [] : [random.between(20, 40), 5],
      car_number: null,
    }
    const value = kind === 'garbage' ? Buffer.from(`{ ${id}`) : this.#event('c', row, lsn)
    this.#emit({ topic: simTopics.measurements, partition, value, row: written })
  }

  #versionsOf(deviceId: string): DeviceVersion[] {
    const versions = this.#versions.get(deviceId) ?? []
    this.#versions.set(deviceId, versions)
    return versions
  }

  #nextLsn(): number {
    return (this.#lsn += 10)
  }

  #write(topic: string, partition: number, row: object, lsn = this.#nextLsn()): void {
    this.#emit({ topic, partition, value: this.#event('c', row, lsn) })
  }

  #event(op: string, row: object, lsn: number): Buffer {
    return json({
      op,
      before: op === 'd' ? row : null,
      after: op === 'd' ? null : row,
      source: {
        lsn,
        ts_ms: Math.floor(this.#parts.scheduler.now),
        txId: lsn,
        sequence: JSON.stringify([String(lsn - 1), String(lsn)]),
      },
    })
  }

  #emit(emission: Emission): void {
    this.#recent.push(emission)
    if (this.#recent.length > repeatedMax) this.#recent.shift()
    this.#append(emission)
  }

  #append({ topic, partition, value, row }: Emission): void {
    const { broker, scheduler, trace } = this.#parts
    const offset = broker.log(topic, partition).append(null, value, scheduler.now)
    if (row !== undefined) this.raw.push({ partition, offset, row })
    trace.write('debezium', `${topic}/${partition}@${offset}`, value.toString().slice(0, 120))
  }
}
