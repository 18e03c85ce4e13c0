import type { KafkaRecord, PartitionRange, TopicHistory } from '@faultline/runtime/kafka'

/** Records of a range, taken when they are wanted: at most one fetch is held besides. */
export class RecordStream {
  #offered = Promise.withResolvers<readonly KafkaRecord[] | null>()
  #taken = Promise.withResolvers<undefined>()

  constructor(history: TopicHistory, range: PartitionRange) {
    const reading = history.replay(range, async (records) => {
      this.#offered.resolve(records)
      await this.#taken.promise
    })
    reading.then(
      () => {
        this.#offered.resolve(null)
      },
      (error: unknown) => {
        this.#offered.reject(error)
        // Whoever asks next gets it; nobody may ask any more.
        this.#offered.promise.catch(() => undefined)
      },
    )
  }

  /** The next records; null at the end of the range. @throws FaultlineError BROKER_UNAVAILABLE */
  async next(): Promise<readonly KafkaRecord[] | null> {
    const records = await this.#offered.promise
    if (records === null) return null
    const taken = this.#taken
    this.#offered = Promise.withResolvers()
    this.#taken = Promise.withResolvers()
    taken.resolve(undefined)
    return records
  }
}
