import { recount, type RankingSettings, type ServingContents } from '@faultline/core/ranking'
import { FaultlineError } from '@faultline/runtime/errors'
import type { DeviceRecord, ServingStore } from '../../apps/redis-consumer/src/serving-store.ts'

/** A serving store in memory: it keeps every record applied and counts anew whenever it is asked what it holds. */
export interface MemoryServingStore extends ServingStore {
  contents(): ServingContents
}

export function memoryServingStore(settings: RankingSettings): MemoryServingStore {
  const epochs = new Map<number, number>()
  const nextOffsets = new Map<number, number>()
  const applied: DeviceRecord[] = []
  return {
    contents: () => recount(applied, settings),
    takeOver(partition) {
      const epoch = (epochs.get(partition) ?? 0) + 1
      epochs.set(partition, epoch)
      return Promise.resolve({ epoch, nextOffset: nextOffsets.get(partition) ?? null })
    },
    apply({ partition, epoch, firstOffset, nextOffset, records, continues = false }) {
      const owner = epochs.get(partition) ?? 0
      if (epoch < owner) return refuse('SERVING_STORE_FENCED')
      const stored = nextOffsets.get(partition) ?? null
      const isGap = stored === null ? continues : firstOffset > stored
      if (epoch > owner || isGap) {
        return refuse('SERVING_STORE_BEHIND')
      }
      if (stored !== null && nextOffset <= stored) return Promise.resolve(0)
      const fresh = records.filter(({ offset }) => offset >= (stored ?? firstOffset))
      applied.push(...fresh)
      nextOffsets.set(partition, nextOffset)
      return Promise.resolve(fresh.length)
    },
  }
}

function refuse(code: 'SERVING_STORE_FENCED' | 'SERVING_STORE_BEHIND'): Promise<never> {
  return Promise.reject(new FaultlineError(code, 'refused'))
}
