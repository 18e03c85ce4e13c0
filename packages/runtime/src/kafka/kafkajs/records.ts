import type { KafkaMessage } from 'kafkajs'
import type { KafkaRecord } from '../ports.ts'

export function toRecord(message: KafkaMessage): KafkaRecord {
  return {
    key: message.key,
    value: message.value,
    timestampMs: Number(message.timestamp),
    offset: Number(message.offset),
  }
}
