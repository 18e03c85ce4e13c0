import type { DeadLetter } from '@faultline/contracts/dead-letter'
import { topics } from '@faultline/contracts/topics'
import type { KafkaConnection } from '@faultline/runtime/kafka'
import type { Decode } from '@faultline/runtime/registry'
import type { Violations } from './violations.ts'
import { decodeParked } from '../../../apps/enricher/src/partition/changelog.ts'
import { TopicTail } from './topic-tail.ts'

interface Letter {
  readonly reason: string
  /** Null where the bytes are no row of ours. */
  readonly id: number | null
  /** Its record and the attempt; one letter each. */
  readonly record: string
}

/** The two other places where a committed row may be: refused for good, or waiting for its device. */
export class Accounts {
  readonly #letters: TopicTail
  readonly #state: TopicTail
  readonly dead = new Map<number, string>()
  /** Row id by the key of its entry in the state changelog. */
  readonly #waiting = new Map<string, number>()
  foreignLetters = 0

  constructor(kafka: KafkaConnection, decode: Decode, violations: Violations) {
    const rowId = async (bytes: Buffer): Promise<number | null> => {
      const change = (await decode(bytes)) as { after?: { id?: number } | null }
      return change.after?.id ?? null
    }
    const readLetter = async (value: Buffer): Promise<Letter> => {
      const letter = (await decode(value)) as DeadLetter
      const id = await rowId(Buffer.from(letter.value)).catch(() => null)
      const { source_partition, source_offset, attempts } = letter
      return {
        reason: letter.reason,
        id,
        record: `${source_partition}:${source_offset}/${attempts}`,
      }
    }
    const letters = new Set<string>()
    this.#letters = new TopicTail(kafka, topics.deadLetterMeasurements, async (_, records) => {
      const values = records.flatMap(({ value }) => (value === null ? [] : [value]))
      for (const { id, reason, record } of await Promise.all(values.map(readLetter))) {
        violations.checked('I2')
        // A bad row that was captured twice is refused twice: two records, two letters.
        if (letters.has(record)) violations.add('I2', `record ${record} is a dead letter twice`)
        letters.add(record)
        if (id === null) this.foreignLetters += 1
        else this.dead.set(id, reason)
      }
    })
    this.#state = new TopicTail(kafka, topics.enricherState, async (_, records) => {
      for (const { key, value } of records) {
        const text = String(key)
        if (!text.startsWith('p:')) continue
        if (value === null) {
          this.#waiting.delete(text)
          continue
        }
        const id = await rowId(decodeParked(value, 0).value)
        if (id !== null) this.#waiting.set(text, id)
      }
    })
  }

  get waiting(): ReadonlySet<number> {
    return new Set(this.#waiting.values())
  }

  /** Reads along from now on: the changelog of an hour is too long to be read at a moment of rest. */
  async start(): Promise<void> {
    await this.#letters.start()
    await this.#state.start()
  }

  async stop(): Promise<void> {
    await this.#letters.stop()
    await this.#state.stop()
  }

  async untilCaughtUp(limitMs: number): Promise<void> {
    await this.#letters.untilCaughtUp(limitMs)
    await this.#state.untilCaughtUp(limitMs)
  }
}
