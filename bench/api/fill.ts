import { createLogger } from '@faultline/runtime/logging'
import { connectRedis } from '@faultline/runtime/redis'
import { redisServingStore } from '../../apps/redis-consumer/src/redis-serving-store.ts'
import { enrichedMeasurement } from '../../test/support/enriched-measurements.ts'

const partitions = 4
const measurementsEach = 5

/**
 * Puts measurements of devices AC-0000 on into Redis, the last of each a fault with its explanation, by the product's own serving
 * store. Gives the process id of Redis.
 */
export async function fillRedis(redisUrl: string, devices: number): Promise<number> {
  const logger = createLogger('bench', 'silent')
  const redis = await connectRedis({ url: redisUrl, clientName: 'bench', logger })
  const store = redisServingStore(redis.value, {
    ...{ halfLifeMs: 3_600_000, streamEventsMax: 10_000, windowEventsMax: 100_000, budget: 1_000 },
  })
  const now = Date.now()
  for (let partition = 0; partition < partitions; partition += 1) {
    const { epoch } = await store.takeOver(partition)
    let offset = 0
    for (let device = partition; device < devices; device += partitions) {
      const firstOffset = offset
      const records = Array.from({ length: measurementsEach }, (_, n) => {
        const measurement = measured({ device, n, partition, offset, now })
        const record = { offset, device_id: measurement.device_id, measurement }
        offset += 1
        return record
      })
      await store.apply({ partition, epoch, firstOffset, nextOffset: offset, records })
    }
  }
  const info = await redis.value.run('info', (client) => client.info('server'))
  await redis.stop()
  return Number(/process_id:(\d+)/.exec(info)?.[1])
}

interface Place {
  readonly device: number
  readonly n: number
  readonly partition: number
  readonly offset: number
  readonly now: number
}

function measured({ device, n, partition, offset, now }: Place) {
  const isFault = n === measurementsEach - 1
  const measured_at = now - (measurementsEach - n) * 1_000
  const explanation = {
    ...({ source: 'rule', code: 'HIGH_TEMP', channel: 'temp_supply_air' } as const),
    ...{ value: 38.5, limit: 35, contribution: 0.6 },
  }
  return enrichedMeasurement({
    event_id: String(device * measurementsEach + n + 1),
    device_id: `AC-${String(device).padStart(4, '0')}`,
    name: `Unit ${device}`,
    location: 'Depot North',
    car_number: device % 8,
    measured_at,
    committed_at: measured_at + 40,
    enriched_at: measured_at + 45,
    fault_score: isFault ? 0.6 : 0,
    alert_level: isFault ? 'warning' : 'normal',
    fault_reasons: isFault ? ['HIGH_TEMP'] : [],
    explanation: isFault ? [explanation] : [],
    features: { max_z: 2.5 },
    source: { partition, offset, lsn: offset, transaction: null },
  })
}
