import type { KafkaRecord } from '@faultline/runtime/kafka'

/** An error code of the broker, as kafkajs hands it on. */
export class BrokerError extends Error {
  override readonly name = 'KafkaJSProtocolError'
  readonly type: string
  readonly retriable: boolean

  constructor(type: string) {
    super(type)
    this.type = type
    this.retriable = type === 'CONCURRENT_TRANSACTIONS'
  }
}

/** Who writes: a producer id outlives its epochs. */
export interface Producer {
  readonly id: number
  readonly epoch: number
}

interface Entry extends KafkaRecord {
  /** null for what was written without a transaction. */
  readonly producer: Producer | null
  /** Counts the transactions of the run; 0 without one. */
  readonly transaction: number
  state: 'open' | 'committed' | 'aborted' | 'marker'
}

/** What a record was written as, for the checks. */
export interface WrittenRecord extends KafkaRecord {
  readonly transaction: number
}

/**
 * One partition. A transaction's records are there at once, and can be read when its marker is; the marker takes an offset.
 * Of a producer's epochs the log knows those that wrote to it or ended a transaction in it.
 */
export class PartitionLog {
  readonly #entries: Entry[] = []
  readonly #open = new Map<number, number>()
  readonly #epochs = new Map<number, number>()
  readonly #sequences = new Map<string, number>()
  readonly #waiting = new Set<() => void>()
  end = 0
  first = 0

  /** Writes without a transaction. */
  append(key: Buffer | null, value: Buffer | null, timestampMs: number): number {
    const offset = this.end++
    this.#entries.push({
      key,
      value,
      timestampMs,
      offset,
      producer: null,
      transaction: 0,
      state: 'committed',
    })
    this.wake()
    return offset
  }

  /** A batch of a transaction. `sequence`: the number of its first record; a batch that came before is not written again. */
  produce(
    producer: Producer,
    {
      sequence,
      transaction,
      timestampMs,
      messages,
    }: {
      sequence: number
      transaction: number
      timestampMs: number
      messages: readonly { key: Buffer | null; value: Buffer | null }[]
    },
  ): void {
    this.#checkEpoch(producer)
    const sequenceKey = `${producer.id}:${producer.epoch}`
    const expected = this.#sequences.get(sequenceKey) ?? 0
    if (sequence < expected) return
    if (sequence > expected) throw new BrokerError('OUT_OF_ORDER_SEQUENCE_NUMBER')
    this.#sequences.set(sequenceKey, expected + messages.length)
    if (!this.#open.has(producer.id)) this.#open.set(producer.id, this.end)
    for (const { key, value } of messages) {
      const offset = this.end++
      this.#entries.push({ key, value, timestampMs, offset, producer, transaction, state: 'open' })
    }
  }

  mark(producer: Producer, isCommit: boolean): void {
    this.#epochs.set(producer.id, Math.max(this.#epochs.get(producer.id) ?? 0, producer.epoch))
    const from = this.#open.get(producer.id)
    this.#open.delete(producer.id)
    if (from !== undefined) {
      for (let at = this.#indexOf(from); at < this.#entries.length; at++) {
        const entry = this.#entries[at]
        if (entry?.producer?.id === producer.id && entry.state === 'open') {
          entry.state = isCommit ? 'committed' : 'aborted'
        }
      }
    }
    const offset = this.end++
    this.#entries.push({
      key: null,
      value: null,
      timestampMs: 0,
      offset,
      producer,
      transaction: 0,
      state: 'marker',
    })
    this.wake()
  }

  /** Below it every transaction has ended. */
  get lastStable(): number {
    let lowest = this.end
    for (const from of this.#open.values()) lowest = Math.min(lowest, from)
    return lowest
  }

  /** A read_committed fetch: of up to `max` entries from an offset on, the records that count. */
  read(from: number, max: number): { records: WrittenRecord[]; next: number; end: number } {
    const records: WrittenRecord[] = []
    const stable = this.lastStable
    let next = from
    let at = this.#indexOf(from)
    for (let scanned = 0; scanned < max; scanned++, at++) {
      const entry = this.#entries[at]
      if (entry === undefined || entry.offset >= stable) break
      if (entry.state === 'committed') records.push(entry)
      next = entry.offset + 1
    }
    // Behind the last entry that compaction left lie offsets of none.
    if (at >= this.#entries.length && next < stable) next = stable
    return { records, next, end: this.end }
  }

  /** Everything committed, from the beginning. */
  committed(): WrittenRecord[] {
    return this.#entries.filter(({ state }) => state === 'committed')
  }

  /** Whether a transaction has begun here and not ended. */
  get isOpen(): boolean {
    return this.#open.size > 0
  }

  /** Keeps the newest committed record of each key, and now and then no tombstone. */
  compact(dropsTombstone: () => boolean): void {
    const stable = this.lastStable
    const newest = new Map<string, number>()
    for (const { key, offset, state } of this.#entries) {
      if (state === 'committed' && offset < stable && key !== null) {
        newest.set(key.toString('latin1'), offset)
      }
    }
    const last = this.#entries.at(-1)
    const kept = this.#entries.filter((entry) => {
      if (entry.offset >= stable || entry === last) return true
      if (entry.state !== 'committed' || entry.key === null) return false
      if (newest.get(entry.key.toString('latin1')) !== entry.offset) return false
      return entry.value !== null || !dropsTombstone()
    })
    this.#entries.length = 0
    this.#entries.push(...kept)
  }

  /** Calls `wake` at the next change. */
  onChange(wake: () => void): void {
    this.#waiting.add(wake)
  }

  wake(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const wake of waiting) wake()
  }

  #checkEpoch(producer: Producer): void {
    const known = this.#epochs.get(producer.id) ?? 0
    if (producer.epoch < known) throw new BrokerError('INVALID_PRODUCER_EPOCH')
    this.#epochs.set(producer.id, producer.epoch)
  }

  #indexOf(offset: number): number {
    let [low, high] = [0, this.#entries.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#entries[middle]?.offset ?? 0) < offset) low = middle + 1
      else high = middle
    }
    return low
  }
}
