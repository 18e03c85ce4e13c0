import type { IHeaders, KafkaMessage } from 'kafkajs'
import type { KafkaRecord } from '../ports.ts'

export function toRecord(message: KafkaMessage): KafkaRecord {
  const headers = toHeaders(message.headers)
  return {
    ...(headers !== undefined && { headers }),
    key: message.key,
    value: message.value,
    timestampMs: Number(message.timestamp),
    offset: Number(message.offset),
  }
}

/** Headers as text; of several with one name the first. */
function toHeaders(headers: IHeaders | undefined): Record<string, string> | undefined {
  const entries = Object.entries(headers ?? {}).flatMap(([name, values]) => {
    const value = Array.isArray(values) ? values[0] : values
    return value === undefined ? [] : [[name, value.toString()] as const]
  })
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}
