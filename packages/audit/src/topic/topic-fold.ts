import type { Clock } from '@faultline/runtime/clock'
import { FaultlineError } from '@faultline/runtime/errors'
import {
  kafkajsTopicHistory,
  startTopicFollower,
  type KafkaConnection,
  type RecordBatch,
  type TopicFollower,
} from '@faultline/runtime/kafka'
import type { Started } from '@faultline/runtime/lifecycle'
import type { SchemaRegistry } from '@faultline/runtime/registry'
import type { OffsetVector } from '../report.ts'
import type { ServingExpectation } from '../serving/index.ts'
import type { DigestTable, PlacedMeasurement, RecordRange } from '../warehouse/index.ts'
import { createTopicRecordReader, type TopicRecord } from './read-record.ts'

interface TopicFoldOptions {
  readonly connection: KafkaConnection
  readonly registry: SchemaRegistry
  readonly topic: string
  readonly expectation: ServingExpectation
  readonly digests: DigestTable
  readonly onFatal: (error: unknown) => void
  readonly clock: Clock
  readonly signal?: AbortSignal
}

interface Waiting {
  records: TopicRecord[]
  /** Everything below was read. */
  readUntil: number
  /** Nothing more of the partition is fetched until these are folded. */
  isHeld: boolean
}

/** Records of a partition that wait to be folded, and at most two more batches; about 2 KB each at 100 channels. */
const waitingMax = 1_000
const lookAgainMs = 10
/** How often the fold leaves the processor to others while it catches up. */
const recordsPerTurn = 500
/** A comparison takes seconds; following record by record would take the broker's time from those who serve. */
const gather = { bytes: 262_144, ms: 500 }

/**
 * The enriched topic from its first record on, folded into an expectation and into digests exactly as far as it is asked to:
 * what is read beyond waits, in bounded memory.
 */
export class TopicFold {
  readonly #options: TopicFoldOptions
  readonly #waiting = new Map<number, Waiting>()
  readonly #first = new Map<number, number>()
  readonly #next = new Map<number, number>()
  #follower: TopicFollower | undefined
  #failed: unknown

  constructor(options: TopicFoldOptions) {
    this.#options = options
  }

  /** @throws FaultlineError BROKER_UNAVAILABLE */
  async start(): Promise<Started<this>> {
    const { connection, registry, topic, onFatal } = this.#options
    const read = createTopicRecordReader(registry)
    const follower = await startTopicFollower({
      ...connection,
      topic,
      gather,
      onBatch: (batch) => this.#take(batch, read),
      onFatal: (error) => {
        this.#failed = error
        onFatal(error)
      },
    })
    this.#follower = follower.value
    for (const [partition, { first }] of await follower.value.bounds()) {
      this.#first.set(partition, first)
      this.#next.set(partition, first)
    }
    return {
      value: this,
      stop: () => follower.stop(),
    }
  }

  /** First offset that the topic held at the start, and next offset folded, by partition. */
  offsets(): ReadonlyMap<number, { readonly first: number; readonly next: number }> {
    return new Map(
      [...this.#first].map(([partition, first]) => [
        partition,
        { first, next: this.#next.get(partition) ?? first },
      ]),
    )
  }

  /** Whether the topic still has its beginning, so that everything ever written can be counted. */
  isWhole(): boolean {
    return [...this.#first.values()].every((first) => first === 0)
  }

  /** Next offset to be written, by partition. @throws FaultlineError BROKER_UNAVAILABLE */
  async ends(): Promise<OffsetVector> {
    const bounds = (await this.#follower?.bounds()) ?? new Map<number, { end: number }>()
    return new Map([...bounds].map(([partition, { end }]) => [partition, end]))
  }

  /**
   * Folds up to exactly these offsets; a partition that is not named stays where it is.
   * @throws FaultlineError SERVING_STORE_BEHIND (it is beyond them), POSITION_UNKNOWN (the topic ends before), BROKER_UNAVAILABLE
   */
  async advance(offsets: OffsetVector): Promise<void> {
    for (const [partition, { first, next }] of this.offsets()) {
      const stated = offsets.get(partition) ?? first
      if (stated < next) throw behind(partition, stated, next)
    }
    for (const [partition, target] of offsets) await this.#foldTo(partition, target)
  }

  /** Reads rows of a device again from the topic. @throws FaultlineError BROKER_UNAVAILABLE */
  async reread(range: RecordRange): Promise<readonly PlacedMeasurement[]> {
    const { connection, registry, topic } = this.#options
    const read = createTopicRecordReader(registry)
    const found: PlacedMeasurement[] = []
    const { partition, first: from, last } = range
    const history = kafkajsTopicHistory(connection.kafka, connection.admin)
    await history.replay({ topic, partition, from, to: last + 1 }, async (records) => {
      for (const record of records) {
        const known = await read(record)
        const measurement = known?.countsIn.clickhouse === true ? known.measurement : null
        if (measurement === null || !isWithin(measurement, range)) continue
        found.push({ topic, partition, offset: record.offset, measurement })
      }
    })
    return found
  }

  async #take(batch: RecordBatch, read: ReturnType<typeof createTopicRecordReader>): Promise<void> {
    const { partition, records, nextOffset } = batch
    const waiting = this.#waiting.get(partition) ?? { records: [], readUntil: 0, isHeld: false }
    this.#waiting.set(partition, waiting)
    for (const record of records) {
      if (record.offset < waiting.readUntil) continue
      const known = await read(record)
      if (known !== null) waiting.records.push(known)
      waiting.readUntil = record.offset + 1
    }
    waiting.readUntil = Math.max(waiting.readUntil, nextOffset)
    if (waiting.records.length < waitingMax || waiting.isHeld || this.#follower === undefined)
      return
    waiting.isHeld = true
    this.#follower.hold(partition)
  }

  async #foldTo(partition: number, target: number): Promise<void> {
    const { clock, signal } = this.#options
    let looked = 0
    for (;;) {
      const next = this.#next.get(partition)
      if (next !== undefined && target <= next) return
      const waiting = this.#waiting.get(partition)
      const folded = waiting === undefined ? 0 : this.#fold(partition, waiting, target)
      if (waiting !== undefined && waiting.readUntil >= target && isFoldedTo(waiting, target)) {
        this.#options.expectation.passed(partition, target)
        this.#next.set(partition, target)
        return
      }
      if (folded === 0) {
        looked += 1
        if (looked % 100 === 0) await this.#refuseBeyond(partition, target)
        await clock.sleep(lookAgainMs, signal)
      } else await clock.sleep(0)
      if (this.#failed !== undefined) throw this.#failed as Error
    }
  }

  /** Folds some of what waits below the target; the number of records. */
  #fold(partition: number, waiting: Waiting, target: number): number {
    const { expectation, digests, topic } = this.#options
    const some = waiting.records.slice(0, recordsPerTurn).filter(({ offset }) => offset < target)
    for (const { offset, deviceId, measurement, countsIn } of some) {
      if (countsIn.redis) expectation.apply(partition, offset, deviceId, measurement)
      if (countsIn.clickhouse && measurement !== null) {
        digests.add({ topic, partition, offset, measurement })
      }
      this.#next.set(partition, offset + 1)
    }
    waiting.records = waiting.records.slice(some.length)
    if (waiting.isHeld && waiting.records.length < waitingMax / 2) {
      waiting.isHeld = false
      this.#follower?.goOn(partition)
    }
    return some.length
  }

  async #refuseBeyond(partition: number, target: number): Promise<void> {
    const end = (await this.ends()).get(partition) ?? 0
    if (target <= end) return
    throw new FaultlineError(
      'POSITION_UNKNOWN',
      `offset ${target} of partition ${partition} is beyond the end of the topic, ${end}`,
      { context: { partition, end } },
    )
  }
}

function isFoldedTo({ records }: Waiting, target: number): boolean {
  const [first] = records
  return first === undefined || first.offset >= target
}

function isWithin(
  { device_id, measured_at }: { readonly device_id: string; readonly measured_at: number },
  { deviceId, hour }: RecordRange,
): boolean {
  return device_id === deviceId && measured_at >= hour && measured_at < hour + 3_600_000
}

function behind(partition: number, stated: number, next: number): FaultlineError {
  return new FaultlineError(
    'SERVING_STORE_BEHIND',
    `Redis states offset ${stated} of partition ${partition}, and stated ${next} before`,
    { context: { partition, stated, next } },
  )
}
