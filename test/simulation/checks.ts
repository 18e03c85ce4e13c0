import { parseChangelogKey } from '../../apps/enricher/src/partition/changelog.ts'
import { simGroups, type WorldParts } from './applications.ts'
import type { Follower } from './follower.ts'
import { offsetKey } from './model/sim-broker.ts'
import { simTopics, type Workload } from './workload.ts'

interface CheckParts extends WorldParts {
  readonly workload: Workload
  readonly follower: Follower
}

const eventsAt = 16

/** What the state topic says, folded by key. */
function foldState({ broker, partitions }: CheckParts) {
  const devices = new Map<string, number>()
  const parked = new Map<string, { readonly deviceId: string; readonly offset: number }>()
  for (let partition = 0; partition < partitions; partition++) {
    for (const { key, value } of broker.log(simTopics.state, partition).committed()) {
      const parsed = key === null ? null : parseChangelogKey(key)
      if (parsed?.kind === 'device') {
        if (value === null) devices.delete(parsed.deviceId)
        else devices.set(parsed.deviceId, value.readDoubleLE(eventsAt))
      } else if (parsed?.kind === 'parked') {
        const { deviceId, offset } = parsed
        if (value === null) parked.delete(`${partition}/${offset}`)
        else parked.set(`${partition}/${offset}`, { deviceId, offset })
      }
    }
  }
  return { devices, parked }
}

/** What is left to be read, enriched, applied or stored; null when nothing is. */
export function whatIsLeft(parts: CheckParts): string | null {
  const { broker, workload, follower, partitions } = parts
  if (!workload.isDone) return 'rows to write'
  if (!broker.transactions.isSettled) return 'a transaction to end'
  for (let partition = 0; partition < partitions; partition++) {
    const left = leftOfPartition(parts, partition)
    if (left !== null) return `${left} of partition ${partition}`
  }
  for (const [deviceId, { isRemoved }] of follower.devices) {
    if (workload.wasDeleted(deviceId) && !isRemoved) return `the removal of ${deviceId}`
  }
  for (const { deviceId } of foldState(parts).parked.values()) {
    if (workload.isPresent(deviceId)) return `what waits for ${deviceId}`
  }
  return null
}

function leftOfPartition(parts: CheckParts, partition: number): string | null {
  const { broker, redis, warehouse, follower } = parts
  const rawEnd = broker.log(simTopics.measurements, partition).end
  const done = broker.committed(simGroups.enricher, simTopics.measurements, partition)?.offset ?? 0
  if (done < rawEnd) return `raw records from ${done} to ${rawEnd}`
  const topics = [simTopics.enriched, simTopics.state, simTopics.deadLetters]
  if (topics.some((topic) => broker.log(topic, partition).isOpen)) return 'an open transaction'
  follower.follow(partition)
  const records = follower.seen.get(partition) ?? []
  const last = records.at(-1)?.offset ?? -1
  const next = redis.partition(partition).next ?? 0
  if (next <= last) return `enriched records from ${next} to ${last} for Redis`
  const expected = records.filter(({ value }) => value !== null).length
  const stored = warehouse.rows(partition).length
  return stored < expected ? `${expected - stored} rows for ClickHouse` : null
}

/** What must hold when everything was caught up. */
export function checkEnd(parts: CheckParts, report: (violation: string) => void): void {
  for (let partition = 0; partition < parts.partitions; partition++) {
    checkStores(parts, partition, report)
    checkDeadLetters(parts, partition, report)
    checkTransactions(parts, partition, report)
  }
  checkRows(parts, report)
}

function checkStores(
  { broker, follower, redis, warehouse }: CheckParts,
  partition: number,
  report: (violation: string) => void,
): void {
  const final = broker.log(simTopics.enriched, partition).committed()
  const offsets = final.map(({ offset }) => offset)
  const same = (what: string, found: readonly number[], expected: readonly number[]): void => {
    const at = expected.findIndex((offset, i) => found[i] !== offset)
    if (at < 0 && found.length === expected.length) return
    const place = at < 0 ? expected.length : at
    report(
      `${what} of partition ${partition}: ${found.length} records, the topic has ${expected.length}; the first difference is offset ${String(found[place])} in place of ${String(expected[place])}`,
    )
  }
  const seen = follower.seen.get(partition) ?? []
  same(
    'I4 what a reader saw',
    seen.map(({ offset }) => offset),
    offsets,
  )
  const applied = redis.partition(partition).applied
  same(
    'I7 Redis',
    applied.map(({ offset }) => offset),
    offsets,
  )
  for (const [i, record] of final.entries()) {
    const found = applied[i]
    if (found === undefined) break
    const deviceId = record.key?.toString()
    const isSame =
      found.device_id === deviceId && (found.measurement === null) === (record.value === null)
    if (!isSame) report(`I7 Redis of partition ${partition}: offset ${record.offset} is another`)
  }
  const rows = warehouse.rows(partition).map(({ offset }) => offset)
  same(
    'I8 ClickHouse',
    rows.toSorted((a, b) => a - b),
    final.filter(({ value }) => value !== null).map(({ offset }) => offset),
  )
}

function checkDeadLetters(
  { broker, workload }: CheckParts,
  partition: number,
  report: (violation: string) => void,
): void {
  const letters = new Map<number, number>()
  for (const { value, transaction } of broker.log(simTopics.deadLetters, partition).committed()) {
    if (transaction === 0) report(`I5 a dead letter of partition ${partition} is in no transaction`)
    const { source_offset } = JSON.parse(String(value)) as { source_offset: number }
    letters.set(source_offset, (letters.get(source_offset) ?? 0) + 1)
  }
  for (const { offset, row } of workload.raw.filter((entry) => entry.partition === partition)) {
    const times = letters.get(offset) ?? 0
    const expected = row.kind === 'good' ? 0 : 1
    if (times !== expected) {
      report(`I2 raw/${partition}@${offset} (${row.kind}): ${times} dead letters, not ${expected}`)
    }
  }
}

function checkTransactions(
  { broker }: CheckParts,
  partition: number,
  report: (violation: string) => void,
): void {
  const key = offsetKey(simGroups.enricher, simTopics.measurements, partition)
  const ends = new Map<number, number>()
  let former = 0
  for (const { serial, key: found, nextOffset } of broker.transactions.committed) {
    if (found !== key) continue
    if (nextOffset < former) report(`I5 the offset of raw/${partition} went back to ${nextOffset}`)
    former = nextOffset
    ends.set(serial, nextOffset)
  }
  for (const topic of [simTopics.enriched, simTopics.state]) {
    for (const { transaction, offset } of broker.log(topic, partition).committed()) {
      if (!ends.has(transaction))
        report(`I5 ${topic}/${partition}@${offset} came without an offset`)
    }
  }
}

function checkRows(parts: CheckParts, report: (violation: string) => void): void {
  const { workload, follower } = parts
  const { devices, parked } = foldState(parts)
  const parkedRows = new Set<number>()
  for (const { partition, offset, row } of workload.raw) {
    if (parked.has(`${partition}/${offset}`)) parkedRows.add(row.id)
  }
  for (const row of workload.rows.values()) {
    if (row.kind !== 'good') continue
    const times = follower.rows.get(row.id) ?? 0
    if (times === 0 && !(parkedRows.has(row.id) && !workload.isPresent(row.deviceId))) {
      report(`I1 row ${row.id} of ${row.deviceId} is lost`)
    }
  }
  for (const [deviceId, { events, lastLsn }] of follower.devices) {
    const state = devices.get(deviceId)
    // What is known of a device may be forgotten once the log deleted it.
    const mayBeGone = workload.wasDeletedBetween(deviceId, lastLsn, Infinity)
    if (state === undefined ? !mayBeGone : state !== events) {
      report(`I5 the state of ${deviceId} counts ${String(state)} events, the topic has ${events}`)
    }
  }
}
