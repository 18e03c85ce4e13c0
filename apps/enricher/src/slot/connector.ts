import { z } from 'zod'
import { replication } from '@faultline/contracts/postgres-migrations'
import { systemClock, type Clock } from '@faultline/runtime/clock'
import { FaultlineError, messageOf } from '@faultline/runtime/errors'

const statusSchema = z.object({
  connector: z.object({ state: z.string() }),
  tasks: z.array(z.object({ state: z.string(), trace: z.string().optional() })),
})
const offsetsSchema = z.object({
  offsets: z.array(
    z.object({
      partition: z.record(z.string(), z.unknown()),
      offset: z.object({ lsn: z.number() }).loose().nullable(),
    }),
  ),
})

const pollMs = 500
const stateLimitMs = 120_000
/** The heartbeat moves the offset of an idle database every 10 s. */
const reachLimitMs = 300_000

/** The Debezium connector, by Connect's REST interface. Every method throws FaultlineError BACK_END_UNAVAILABLE. */
export interface Connector {
  /** The place in PostgreSQL's log up to which everything is captured; null before the first capture. */
  capturedLsn(): Promise<number | null>
  /** Stops it, and waits until it has let go of the slot. */
  stop(): Promise<void>
  /** Makes it go on at `lsn`; it has to be stopped. */
  goOnAt(lsn: number): Promise<void>
  /** Resumes it, and restarts what has failed; waits until it runs. */
  resume(): Promise<void>
  /** Waits until everything before `lsn` is captured. */
  untilCaptured(lsn: number, signal: AbortSignal): Promise<void>
}

export function debeziumConnector(connectUrl: string, clock: Clock): Connector {
  const url = `${connectUrl}/connectors/${replication.connector}`
  const status = async () => statusSchema.parse(JSON.parse(await call(`${url}/status`)))
  const offsets = async () =>
    offsetsSchema.parse(JSON.parse(await call(`${url}/offsets`))).offsets[0]
  const capturedLsn = async () => (await offsets())?.offset?.lsn ?? null
  const until = async (what: string, limitMs: number, isDone: () => Promise<boolean>) => {
    const deadline = clock.now() + limitMs
    while (!(await isDone())) {
      if (clock.now() > deadline) throw unavailable(`waiting for ${what} took too long`)
      await clock.sleep(pollMs)
    }
  }
  return {
    capturedLsn,
    stop: async () => {
      await call(`${url}/stop`, { method: 'PUT' })
      await until('the connector to stop', stateLimitMs, async () => {
        const { connector, tasks } = await status()
        return connector.state === 'STOPPED' && tasks.length === 0
      })
    },
    goOnAt: async (lsn) => {
      const partition = (await offsets())?.partition ?? { server: replication.topicPrefix }
      const offset = {
        ...{ lsn, lsn_proc: lsn, lsn_commit: lsn, messageType: 'COMMIT', txId: 0 },
        ts_usec: clock.now() * 1_000,
      }
      await call(`${url}/offsets`, {
        method: 'PATCH',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ offsets: [{ partition, offset }] }),
      })
    },
    resume: async () => {
      await call(`${url}/resume`, { method: 'PUT' })
      await until('the connector to run', stateLimitMs, async () => {
        const { connector, tasks } = await status()
        const states = [connector, ...tasks].map(({ state }) => state)
        if (states.includes('FAILED')) {
          const restart = `${url}/restart?includeTasks=true&onlyFailed=true`
          await call(restart, { method: 'POST' })
        }
        return tasks.length > 0 && states.every((state) => state === 'RUNNING')
      })
    },
    untilCaptured: (lsn, signal) =>
      until('the connector to catch up', reachLimitMs, async () => {
        signal.throwIfAborted()
        return ((await capturedLsn()) ?? -1) >= lsn
      }),
  }
}

/** 409: the worker is rebalancing, which passes. */
async function call(url: string, init: RequestInit = {}): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const response = await fetch(url, init)
      const text = await response.text()
      if (response.ok) return text
      if (response.status !== 409 || attempt === 30) throw unavailable(text)
    } catch (error) {
      if (error instanceof FaultlineError) throw error
      throw unavailable(messageOf(error))
    }
    await systemClock.sleep(pollMs)
  }
}

function unavailable(reason: string): FaultlineError {
  return new FaultlineError('BACK_END_UNAVAILABLE', `Kafka Connect: ${reason}`, {
    remedy: 'See `faultline logs connect`. It is safe to run the command again.',
  })
}
