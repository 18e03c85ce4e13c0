import type { ClickhouseClient } from '@faultline/runtime/clickhouse'
import type { Clock } from '@faultline/runtime/clock'
import { FaultlineError } from '@faultline/runtime/errors'

/** A machine with other work may take seconds for an answer. */
const answersWithinMs = 15_000
const askEveryMs = 5_000

interface Watched {
  readonly clickhouse: ClickhouseClient
  readonly clock: Clock
  readonly signal: AbortSignal
}

/**
 * Does what needs ClickHouse, and gives it up when ClickHouse stops answering: a statement may well take minutes, and a server that
 * hangs would hold up what comes after for as long.
 * @throws FaultlineError WAREHOUSE_UNAVAILABLE, and what `work` throws
 */
export async function whileAnswering<T>(
  { clickhouse, clock, signal }: Watched,
  work: (clickhouse: ClickhouseClient, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const silent = new AbortController()
  const done = new AbortController()
  const watch = async (): Promise<void> => {
    while (await clickhouse.isAnswering(answersWithinMs)) {
      await clock.sleep(askEveryMs, done.signal)
    }
    silent.abort(new FaultlineError('WAREHOUSE_UNAVAILABLE', 'ClickHouse stopped answering'))
  }
  // It ends by its signal, which is no failure.
  watch().catch(() => undefined)
  try {
    return await work(clickhouse.until(silent.signal), AbortSignal.any([signal, silent.signal]))
  } finally {
    done.abort()
  }
}
