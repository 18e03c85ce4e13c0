import type { Admin, Kafka } from 'kafkajs'
import type { Logger } from '../../logging/index.ts'
import type { Started } from '../../lifecycle/index.ts'
import { createKafka } from './client.ts'
import { asBrokerUnavailable } from './errors.ts'

/** A client and its admin connection, shared by everything an application does with Kafka. */
export interface KafkaConnection {
  readonly kafka: Kafka
  readonly admin: Admin
}

/** @throws FaultlineError BROKER_UNAVAILABLE */
export async function connectKafka(options: {
  readonly brokers: readonly string[]
  readonly clientId: string
  readonly logger: Logger
}): Promise<Started<KafkaConnection>> {
  const kafka = createKafka(options)
  const admin = kafka.admin()
  try {
    await admin.connect()
  } catch (error) {
    throw asBrokerUnavailable(error, `connecting to ${options.brokers.join(', ')}`)
  }
  return { value: { kafka, admin }, stop: () => admin.disconnect() }
}
