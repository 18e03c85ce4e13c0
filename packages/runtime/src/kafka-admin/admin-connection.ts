import type { Admin } from 'kafkajs'
import { FaultlineError } from '../errors/index.ts'
import { Kafka, logLevel } from '../kafka/kafkajs/library.ts'

/**
 * Runs `use` with an admin connection of its own. A failure to connect or of a request is
 * @throws FaultlineError BROKER_UNAVAILABLE
 */
export async function withAdmin<T>(
  brokers: readonly string[],
  retries: number,
  use: (admin: Admin) => Promise<T>,
): Promise<T> {
  const admin = new Kafka({
    clientId: 'faultline-admin',
    brokers: [...brokers],
    connectionTimeout: 3_000,
    requestTimeout: 10_000,
    retry: { retries, initialRetryTime: 50 },
    logLevel: logLevel.NOTHING,
  }).admin()
  try {
    await admin.connect()
    return await use(admin)
  } catch (error) {
    if (error instanceof FaultlineError) throw error
    throw new FaultlineError(
      'BROKER_UNAVAILABLE',
      `Kafka does not answer at ${brokers.join(', ')}`,
      {
        cause: error,
        remedy: 'Check KAFKA_BOOTSTRAP and that the broker runs.',
      },
    )
  } finally {
    await admin.disconnect().catch(() => undefined)
  }
}
