import type { StoreAudit } from '@faultline/audit/report'

/** Rows measured in the last hours are compared in each round, older ones and the roll-ups with some devices in turn. */
const freshMs = 2 * 3_600_000
const hourMs = 3_600_000
const devicesInTurn = 50

interface Compared {
  readonly deviceIds: () => readonly string[]
  readonly compare: (only: {
    readonly devices?: readonly string[]
    readonly since?: number
  }) => Promise<StoreAudit>
}

/** What of ClickHouse is compared in which round. What differed is compared again until it is equal: it stays a difference. */
export class WarehouseTurns {
  readonly #compared: Compared
  #since = Infinity
  #start = 0
  #devices: readonly string[] | undefined

  constructor(compared: Compared) {
    this.#compared = compared
  }

  /** @throws what `compare` throws */
  async round(nowMs: number): Promise<StoreAudit> {
    const { compare } = this.#compared
    this.#since = Math.min(this.#since, Math.floor((nowMs - freshMs) / hourMs) * hourMs)
    const fresh = await compare({ since: this.#since })
    if (fresh.differenceCount > 0 || !fresh.isChecked) return fresh
    this.#since = Infinity
    this.#devices ??= this.#nextDevices()
    const older = await compare({ devices: this.#devices })
    if (older.differenceCount === 0 && older.isChecked) this.#devices = undefined
    return older
  }

  #nextDevices(): readonly string[] {
    const ids = this.#compared.deviceIds()
    if (this.#start >= ids.length) this.#start = 0
    const devices = ids.slice(this.#start, this.#start + devicesInTurn)
    this.#start += devicesInTurn
    return devices
  }
}
