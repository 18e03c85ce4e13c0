import { BrokerError, type WrittenRecord } from '../model/partition-log.ts'
import type { ClientParts } from './transaction-requests.ts'

const waitMs = 5_000

export interface Fetched {
  readonly records: readonly WrittenRecord[]
  readonly next: number
  readonly end: number
}

/** A fetch that the broker holds back for want of records, for a while. */
export function fetch(
  { network, process, broker }: ClientParts,
  { topic, partition, from, max }: { topic: string; partition: number; from: number; max: number },
  scheduler: { after(ms: number, run: () => void): void },
): Promise<Fetched> {
  const log = broker.log(topic, partition)
  return network.request(process, { to: broker, name: 'Fetch', isRead: true }, (reply) => {
    if (from > log.end) {
      reply.fail(new BrokerError('OFFSET_OUT_OF_RANGE'))
      return
    }
    const fetched = log.read(from, max)
    if (fetched.next > from) {
      reply.ok(fetched)
      return
    }
    let isOver = false
    const answer = (isLast: boolean): void => {
      if (isOver) return
      const now = log.read(from, max)
      isOver = isLast || now.next > from
      if (isOver) reply.ok(now)
      else wait()
    }
    const wait = (): void => {
      log.onChange(() => {
        answer(false)
      })
    }
    wait()
    scheduler.after(waitMs, () => {
      answer(true)
    })
  })
}
