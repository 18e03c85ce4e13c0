import type { DeadLetter, DeadLetterDecision } from '@faultline/contracts/dead-letter'
import type { KafkaRecord, TopicHistory } from '@faultline/runtime/kafka'

/** A dead letter without its bytes. */
export interface Letter extends Omit<DeadLetter, 'value'> {
  /** Its place in the topic of dead letters. */
  readonly partition: number
  readonly offset: number
  /** From the record's key; null where that cannot be read. */
  readonly deviceId: string | null
  readonly bytes: number
}

export interface LetterContent {
  readonly letter: Letter
  readonly key: Buffer | null
  readonly value: Buffer
}

export interface LetterBookOptions {
  readonly history: TopicHistory
  readonly topics: { readonly deadLetters: string; readonly decisions: string }
  readonly decode: (value: Buffer) => Promise<unknown>
}

export function letterId({ partition, offset }: Pick<Letter, 'partition' | 'offset'>): string {
  return `${partition}:${offset}`
}

/** Dead letters and what was decided about them, read from their topics. */
export class LetterBook {
  readonly #options: LetterBookOptions

  constructor(options: LetterBookOptions) {
    this.#options = options
  }

  /** Hands over the letters of a partition in order, one at a time: their bytes are not kept. */
  async each(
    partition: number,
    onLetter: (content: LetterContent) => void,
    range: { readonly from?: number; readonly to?: number } = {},
  ): Promise<void> {
    const { history, topics } = this.#options
    await history.replay({ topic: topics.deadLetters, partition, ...range }, async (records) => {
      for (const record of records) {
        if (record.value !== null) onLetter(await this.#content(partition, record, record.value))
      }
    })
  }

  /** Decisions of a partition by the letter's offset. */
  async decisions(partition: number): Promise<Map<number, DeadLetterDecision['decision']>> {
    const { history, topics, decode } = this.#options
    const found = new Map<number, DeadLetterDecision['decision']>()
    await history.replay({ topic: topics.decisions, partition }, async (records) => {
      for (const { value } of records) {
        if (value === null) continue
        const { offset, decision } = (await decode(value)) as DeadLetterDecision
        found.set(offset, decision)
      }
    })
    return found
  }

  async #content(
    partition: number,
    { key, offset }: KafkaRecord,
    bytes: Buffer,
  ): Promise<LetterContent> {
    const { value, ...rest } = (await this.#options.decode(bytes)) as DeadLetter
    const deviceId = key === null ? null : await this.#deviceId(key)
    const letter = { ...rest, partition, offset, deviceId, bytes: value.length }
    return { letter, key, value: Buffer.from(value) }
  }

  /** Debezium's key is a record with the device's id. Whatever else wrote the key, the letter must still be listed. */
  async #deviceId(key: Buffer): Promise<string | null> {
    try {
      const decoded = await this.#options.decode(key)
      const id = (decoded as { readonly device_id?: unknown } | null)?.device_id
      return typeof id === 'string' ? id : null
    } catch {
      return null
    }
  }
}
