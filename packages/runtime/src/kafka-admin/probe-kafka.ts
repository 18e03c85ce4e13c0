import { FaultlineError } from '../errors/index.ts'
import { withAdmin } from './admin-connection.ts'

/**
 * Asks for the cluster and its controller, without which topics cannot be made, and for a group's coordinator, without which no
 * consumer starts: a new broker makes the topic behind it at the first question. @throws FaultlineError BROKER_UNAVAILABLE
 */
export async function probeKafka(brokers: readonly string[]): Promise<void> {
  await withAdmin(brokers, 0, async (admin) => {
    const cluster = await admin.describeCluster()
    if (cluster.brokers.length === 0) {
      throw new FaultlineError('BROKER_UNAVAILABLE', 'the cluster has no broker yet')
    }
    await admin.describeGroups(['faultline-probe'])
  })
}
