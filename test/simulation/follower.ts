import type { EnrichedMeasurement } from '@faultline/contracts/enriched-measurement'
import { decodeKnown } from './applications.ts'
import type { SimBroker } from './model/sim-broker.ts'
import type { WrittenRecord } from './model/partition-log.ts'
import { simTopics, type Workload } from './workload.ts'

interface FollowedDevice {
  /** Measurements since PostgreSQL's log deleted the device. */
  events: number
  lastLsn: number
  isRemoved: boolean
}

/** Reads the enriched topic while faults happen, as any read_committed consumer would, and believes nothing. */
export class Follower {
  readonly #broker: SimBroker
  readonly #workload: Workload
  readonly #report: (violation: string) => void
  readonly #position = new Map<number, number>()
  readonly seen = new Map<number, WrittenRecord[]>()
  readonly devices = new Map<string, FollowedDevice>()
  /** How often each row was enriched. */
  readonly rows = new Map<number, number>()

  constructor(broker: SimBroker, workload: Workload, report: (violation: string) => void) {
    this.#broker = broker
    this.#workload = workload
    this.#report = report
  }

  follow(partition: number): void {
    const from = this.#position.get(partition) ?? 0
    const { records, next } = this.#broker.log(simTopics.enriched, partition).read(from, Infinity)
    this.#position.set(partition, next)
    const seen = this.seen.get(partition) ?? []
    this.seen.set(partition, seen)
    for (const record of records) {
      seen.push(record)
      this.#look(partition, record)
    }
  }

  #look(partition: number, record: WrittenRecord): void {
    const where = `enriched/${partition}@${record.offset}`
    const deviceId = record.key?.toString() ?? ''
    const device = this.devices.get(deviceId) ?? { events: 0, lastLsn: 0, isRemoved: false }
    this.devices.set(deviceId, device)
    if (record.transaction === 0) this.#report(`I5 ${where} is in no transaction`)
    if (partition !== this.#workload.partitionOf(deviceId)) {
      this.#report(`I3 ${where}: ${deviceId} is in another partition`)
    }
    if (record.value === null) {
      device.isRemoved = true
      return
    }
    device.isRemoved = false
    this.#lookAtMeasurement(where, device, decodeKnown(record.value).value as EnrichedMeasurement)
  }

  #lookAtMeasurement(where: string, device: FollowedDevice, found: EnrichedMeasurement): void {
    const row = this.#workload.rows.get(Number(found.event_id))
    if (row?.kind !== 'good') {
      this.#report(`I1 ${where}: no such row ${found.event_id}`)
      return
    }
    const times = (this.rows.get(row.id) ?? 0) + 1
    this.rows.set(row.id, times)
    if (times > 1)
      this.#report(`I2 ${where}: row ${row.id} of ${row.deviceId} is there ${times} times`)
    if (row.lsn <= device.lastLsn)
      this.#report(`I3 ${where}: ${row.deviceId} goes back to row ${row.id}`)
    const isAnew = this.#workload.wasDeletedBetween(row.deviceId, device.lastLsn, row.lsn)
    device.events = isAnew ? 1 : device.events + 1
    device.lastLsn = row.lsn
    if (found.features['events'] !== device.events) {
      this.#report(
        `I5 ${where}: ${row.deviceId} counts ${String(found.features['events'])} events, the topic has ${device.events}`,
      )
    }
    const name = this.#workload.nameAt(row.deviceId, row.lsn)
    if (found.name !== name) {
      this.#report(
        `I6 ${where}: row ${row.id} was joined with ${String(found.name)}, not ${String(name)}`,
      )
    }
  }
}
