import type { KafkaMessage } from 'kafkajs'
import type { FetchedRecord } from '../record-batch/index.ts'

/** The records of a fetch. They are ours already, whatever kafkajs declares: library.ts decodes them. */
export function fetchedRecords(messages: readonly KafkaMessage[]): readonly FetchedRecord[] {
  return messages as unknown as readonly FetchedRecord[]
}
