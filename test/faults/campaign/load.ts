import { hvacReadings } from '../../support/product/fleet.ts'
import type { Chance } from '../../support/chance.ts'
import type { Ledger, RowKind } from './ledger.ts'
import { pause } from './pause.ts'
import type { NewRow, RowWriter } from './row-writer.ts'

const fleetSize = 90
const ownModelSize = 10
const ownModel = 'campaign-hvac'
const temperature = 0
const faultCode = 5
/** Rows of a transaction at most. */
const transactionMax = 120

interface Newcomer {
  readonly deviceId: string
  registerAtRow: number
}

export interface LoadTotals {
  transactions: number
  rows: number
  late: number
  repeatedTimes: number
  bad: number
  bursts: number
  registeredLate: number
  deletedDevices: number
  catalogUpdates: number
  ruleChanges: number
}

interface LoadOptions {
  readonly writer: RowWriter
  readonly ledger: Ledger
  readonly chance: Chance
  readonly rowsPerSecond: number
  readonly signal: AbortSignal
}

/**
 * Rows as a fleet sends them, and worse: bursts, late rows, times that repeat, devices that report before they are registered,
 * rows that are refused, and a catalog that changes meanwhile. All by one connection, so that the order of commits is known.
 */
export class Load {
  readonly #options: LoadOptions
  readonly #fleet = names('CMP', fleetSize)
  readonly #ownModel = names('CMO', ownModelSize)
  readonly #lastTime = new Map<string, number>()
  #newcomers: Newcomer[] = []
  #settled: string[] = []
  #names = 0
  #isPaused = false
  #isIdle = true
  readonly totals: LoadTotals = {
    transactions: 0,
    rows: 0,
    late: 0,
    repeatedTimes: 0,
    bad: 0,
    bursts: 0,
    registeredLate: 0,
    deletedDevices: 0,
    catalogUpdates: 0,
    ruleChanges: 0,
  }
  /** Share of rows that are refused; a burst of poison raises it. */
  badShare = 0.01

  constructor(options: LoadOptions) {
    this.#options = options
  }

  async prepare(): Promise<void> {
    const { writer } = this.#options
    await writer.run(
      `select faultline_ensure_partitions(now() - interval '1 day', now() + interval '1 day')`,
    )
    await writer.run(
      `insert into device_models(model, type, channels, units, rules)
       select $1, type, channels, units, rules from device_models where model = 'metro-hvac'
       on conflict (model) do nothing`,
      [ownModel],
    )
    await this.#register(this.#fleet, 'metro-hvac')
    await this.#register(this.#ownModel, ownModel)
  }

  /** Commits until the signal aborts. What PostgreSQL's absence held up is not made up for beyond ten seconds. */
  async run(): Promise<void> {
    const { signal, rowsPerSecond, chance } = this.#options
    let due = 0
    let before = performance.now()
    while (!signal.aborted) {
      this.#isIdle = true
      await pause(200, signal)
      const now = performance.now()
      const elapsed = Math.min(10, (now - before) / 1_000)
      before = now
      if (this.#isPaused) continue
      this.#isIdle = false
      due = Math.min(due + elapsed * rowsPerSecond, rowsPerSecond * 10)
      if (chance.isTrue(0.01)) {
        this.totals.bursts += 1
        due += rowsPerSecond * 5
      }
      while (due >= 1) {
        const rows = Math.min(Math.ceil(due), chance.between(1, transactionMax))
        due -= rows
        await this.#transaction(rows)
      }
      await this.#changeCatalog()
    }
    this.#isIdle = true
  }

  /** Resolves when nothing is being written any more. */
  async pause(): Promise<void> {
    this.#isPaused = true
    while (!this.#isIdle) await pause(50)
  }

  resume(): void {
    this.#isPaused = false
  }

  /** Devices that report and are not in the catalog. */
  get unregistered(): readonly string[] {
    return this.#newcomers.map(({ deviceId }) => deviceId)
  }

  async #transaction(size: number): Promise<void> {
    const rows = Array.from({ length: size }, () => this.#row())
    await this.#options.writer.commit(rows)
    this.totals.transactions += 1
    this.totals.rows += rows.length
  }

  #row(): NewRow {
    const { chance } = this.#options
    if (this.#newcomers.length > 0 && chance.isTrue(0.02)) {
      const { deviceId } = chance.pick(this.#newcomers)
      return this.#measured(deviceId, 'healthy')
    }
    const deviceId = this.#someDevice()
    if (chance.isTrue(this.badShare)) {
      this.totals.bad += 1
      return this.#measured(deviceId, chance.isTrue(0.5) ? 'clock' : 'too-many')
    }
    return this.#measured(deviceId, chance.isTrue(0.1) ? 'fault' : 'healthy')
  }

  #someDevice(): string {
    const { chance } = this.#options
    if (this.#settled.length > 0 && chance.isTrue(0.03)) return chance.pick(this.#settled)
    return chance.pick(chance.isTrue(0.1) ? this.#ownModel : this.#fleet)
  }

  #measured(deviceId: string, kind: RowKind): NewRow {
    const { chance } = this.#options
    // Quarters, whose sums are exact in any order.
    const changes: Record<number, number> = {
      20: chance.between(0, 200) / 4,
      21: chance.between(0, 50),
      30: Number.NaN,
    }
    if (kind === 'fault') changes[temperature] = chance.between(40, 60)
    if (kind === 'fault' && chance.isTrue(0.2)) changes[faultCode] = chance.between(1, 9)
    const readings = hvacReadings(changes)
    if (kind === 'too-many') {
      const measuredAtMs = this.#time(deviceId)
      return { deviceId, measuredAtMs, readings: Float32Array.of(...readings, 1), kind }
    }
    const measuredAtMs = kind === 'clock' ? Date.UTC(2106, 1, 7) : this.#time(deviceId)
    return { deviceId, measuredAtMs, readings, kind }
  }

  #time(deviceId: string): number {
    const { chance } = this.#options
    const last = this.#lastTime.get(deviceId)
    if (last !== undefined && chance.isTrue(0.03)) {
      this.totals.repeatedTimes += 1
      return last
    }
    if (chance.isTrue(0.04)) {
      this.totals.late += 1
      return Date.now() - chance.between(60_000, 7_200_000)
    }
    const now = Date.now()
    this.#lastTime.set(deviceId, now)
    return now
  }

  async #changeCatalog(): Promise<void> {
    const { chance, writer } = this.#options
    await this.#registerDue()
    if (chance.isTrue(0.02) && this.#newcomers.length < 5) {
      this.#names += 1
      const deviceId = `CMN-${String(this.#names).padStart(5, '0')}`
      this.#newcomers.push({
        deviceId,
        registerAtRow: this.totals.rows + chance.between(500, 4_000),
      })
    }
    if (chance.isTrue(0.02)) {
      const line = `Line ${chance.between(1, 12)}`
      await writer.run('update device_catalog set line = $2 where device_id = $1', [
        chance.pick(this.#fleet),
        line,
      ])
      this.totals.catalogUpdates += 1
    }
    if (chance.isTrue(0.008)) {
      // Far from every temperature that is sent, so that what is a fault stays one.
      await writer.run(
        `update device_models set rules = jsonb_set(rules, '{0,above}', to_jsonb($2::int)) where model = $1`,
        [ownModel, chance.between(30, 38)],
      )
      this.totals.ruleChanges += 1
    }
    if (chance.isTrue(0.01) && this.#settled.length > 2) await this.#deleteOne()
  }

  async #registerDue(): Promise<void> {
    const due = this.#newcomers.filter(({ registerAtRow }) => registerAtRow <= this.totals.rows)
    if (due.length === 0) return
    const ids = due.map(({ deviceId }) => deviceId)
    await this.#register(ids, 'metro-hvac')
    this.#newcomers = this.#newcomers.filter((newcomer) => !due.includes(newcomer))
    this.#settled.push(...ids)
    this.totals.registeredLate += ids.length
  }

  /** A deleted device goes on reporting, and some are registered again. */
  async #deleteOne(): Promise<void> {
    const { chance, writer } = this.#options
    const deviceId = chance.pick(this.#settled)
    this.#options.ledger.deleted.add(deviceId)
    await writer.run('delete from device_catalog where device_id = $1', [deviceId])
    this.#settled = this.#settled.filter((id) => id !== deviceId)
    this.totals.deletedDevices += 1
    if (chance.isTrue(0.5)) {
      this.#newcomers.push({
        deviceId,
        registerAtRow: this.totals.rows + chance.between(500, 4_000),
      })
    }
  }

  async #register(ids: readonly string[], model: string): Promise<void> {
    await this.#options.writer.run(
      `insert into device_catalog(device_id, type, model, name, line, location)
       select id, 'hvac', $2, 'Unit ' || id, 'Line 1', 'Depot 1'
       from unnest($1::text[]) as id on conflict (device_id) do nothing`,
      [ids, model],
    )
  }
}

function names(prefix: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, n) => `${prefix}-${String(n).padStart(4, '0')}`)
}
