import type { Clock } from '../../clock.ts'
import type { Logger } from '../../logging/index.ts'
import type { Started } from '../../lifecycle/index.ts'
import { PartitionOwnership } from '../partition-ownership.ts'
import type { PartitionHandler, PartitionReader } from '../ports.ts'
import type { MemoryBroker } from './memory-broker.ts'

export interface MemoryReaderOptions {
  readonly broker: MemoryBroker
  readonly group: string
  readonly topic: string
  readonly partitions: readonly number[]
  readonly handler: (reader: Pick<PartitionReader, 'offsets'>) => PartitionHandler
  /** Records handed over at once. */
  readonly batchMax: number
  readonly clock: Clock
  readonly logger: Logger
  readonly onFatal: (error: unknown) => void
}

/** Reads a MemoryBroker's topic as the only member of its group. */
export function startMemoryReader(options: MemoryReaderOptions): Started<PartitionReader> {
  const { broker, topic, partitions, batchMax } = options
  const position = new Map<number, number>()
  const held = new Set<number>()
  const offsets = broker.groupOffsets(options.group, topic)
  const ownership = new PartitionOwnership({
    handler: options.handler({ offsets }),
    defaultStart: () => Promise.resolve(0),
    bounds: (partition) => broker.history().bounds(topic, partition),
    hold: (partition) => {
      held.add(partition)
    },
    goOn: (partition, offset) => {
      position.set(partition, offset)
      held.delete(partition)
      broker.wake()
    },
    clock: options.clock,
    logger: options.logger,
    onFatal: options.onFatal,
  })
  const stopped = { now: false }

  async function follow(partition: number): Promise<void> {
    while (!stopped.now) {
      const changed = broker.changed()
      if (held.has(partition)) {
        await changed
        continue
      }
      const from = position.get(partition) ?? 0
      const { records, end } = broker.read(topic, partition, from)
      const batch = records.slice(0, batchMax)
      const last = batch.at(-1)
      if (last === undefined) {
        if (end > from) {
          ownership.passed(partition, from, end)
          position.set(partition, end)
        }
        await changed
        continue
      }
      position.delete(partition)
      const nextOffset = last.offset + 1
      await ownership.deliver(partition, from, () => {
        return { topic, partition, records: batch, nextOffset, endOffset: end }
      })
      if (!position.has(partition)) position.set(partition, nextOffset)
    }
  }

  ownership.assign(partitions)
  const loops = partitions.map((partition) => follow(partition))
  return {
    value: {
      offsets,
      owned: () => ownership.owned(),
      takingOver: () => ownership.takingOver(),
      between: (partition, work) => ownership.between(partition, work),
    },
    async stop() {
      stopped.now = true
      await ownership.stop()
      broker.wake()
      await Promise.all(loops)
    },
  }
}
