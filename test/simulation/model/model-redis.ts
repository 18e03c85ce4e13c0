import { FaultlineError } from '@faultline/runtime/errors'
import type { DeviceRecord, ServingStore } from '../../../apps/redis-consumer/src/serving-store.ts'
import { Server, type Network, type Reply } from '../network.ts'
import type { SimProcess } from '../sim-process.ts'
import type { Tally } from '../tally.ts'

interface PartitionContents {
  epoch: number
  next: number | null
  /** Records that took effect, in the order in which they did. */
  applied: DeviceRecord[]
}

/** Redis as the scripts of the consumer use it: what they promise, and a memory that can be lost in part or whole. */
export class ModelRedis extends Server {
  readonly #tally: Tally
  #partitions = new Map<number, PartitionContents>()
  #replica = new Map<number, PartitionContents>()

  constructor(tally: Tally) {
    super('redis')
    this.#tally = tally
  }

  partition(partition: number): PartitionContents {
    let contents = this.#partitions.get(partition)
    if (contents === undefined) {
      contents = { epoch: 0, next: null, applied: [] }
      this.#partitions.set(partition, contents)
    }
    return contents
  }

  /** What a replica has at this moment, to fail over to later. */
  replicate(): void {
    this.#replica = copy(this.#partitions)
  }

  failOver(): void {
    this.#partitions = copy(this.#replica)
  }

  empty(): void {
    this.#partitions.clear()
    this.#replica.clear()
  }

  takeOver(partition: number): { epoch: number; nextOffset: number | null } {
    const contents = this.partition(partition)
    contents.epoch += 1
    return { epoch: contents.epoch, nextOffset: contents.next }
  }

  apply({ partition, epoch, firstOffset, nextOffset, records, continues }: Range): number {
    const contents = this.partition(partition)
    if (epoch < contents.epoch) {
      this.#tally.add('refused: store epoch')
      throw new FaultlineError('SERVING_STORE_FENCED', 'another owner took over')
    }
    const { next } = contents
    const isGap = next === null ? continues === true : firstOffset > next
    if (epoch > contents.epoch || isGap) {
      this.#tally.add('refused: store lost data')
      throw new FaultlineError('SERVING_STORE_BEHIND', 'the store lost what comes before')
    }
    if (next !== null && nextOffset <= next) return 0
    const fresh = records.filter(({ offset }) => next === null || offset >= next)
    contents.applied.push(...fresh)
    contents.next = nextOffset
    return fresh.length
  }

  /** The store as a process reaches it. */
  client(process: SimProcess, network: Network): ServingStore {
    const ask = async <T>(name: string, answer: () => T): Promise<T> => {
      try {
        return await network.request(process, { to: this, name }, (reply: Reply<T>) => {
          try {
            reply.ok(answer())
          } catch (error) {
            reply.fail(error as Error)
          }
        })
      } catch (error) {
        if (error instanceof FaultlineError) throw error
        throw new FaultlineError('SERVING_STORE_UNAVAILABLE', 'Redis did not answer')
      }
    }
    return {
      takeOver: (partition) => ask(`takeOver ${partition}`, () => this.takeOver(partition)),
      apply: (range) =>
        ask(`apply ${range.partition}@${range.firstOffset}-${range.nextOffset}`, () =>
          this.apply(range),
        ),
    }
  }
}

type Range = Parameters<ServingStore['apply']>[0]

function copy(from: ReadonlyMap<number, PartitionContents>): Map<number, PartitionContents> {
  return new Map(
    [...from].map(([partition, { epoch, next, applied }]) => [
      partition,
      { epoch, next, applied: [...applied] },
    ]),
  )
}
