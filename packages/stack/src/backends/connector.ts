import { readFile } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import { replication } from '@faultline/contracts/postgres-migrations'
import { systemClock, type Clock } from '@faultline/runtime/clock'
import { FaultlineError } from '@faultline/runtime/errors'
import { z } from 'zod'

/** The one connector configuration, used here and by docker-compose.yml. */
const configFile = new URL('../../../../debezium/postgres-connector.json', import.meta.url)
const connectorName = replication.connector
const pauseMs = 100
/** A busy machine needs a minute for what takes seconds otherwise. */
const startLimitMs = 300_000
const failuresBeforeGivingUp = 3

const statusSchema = z.object({
  connector: z.object({ state: z.string(), trace: z.string().optional() }),
  tasks: z.array(z.object({ state: z.string(), trace: z.string().optional() })),
})
type ConnectorStatus = z.infer<typeof statusSchema>

const problemSchema = z.object({ message: z.string() })

/**
 * Gives Connect the connector's configuration and waits until its task runs. Repeatable: an unchanged configuration leaves
 * a running task alone, and a failed task is restarted.
 * @param connectUrl of Connect's REST interface
 * @throws FaultlineError BACK_END_UNAVAILABLE with the first line of Connect's own trace, or when the task does not run
 *   within `limitMs`
 */
export async function registerConnector(
  connectUrl: string,
  signal: AbortSignal,
  limitMs: number = startLimitMs,
): Promise<void> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(limitMs)])
  try {
    await startConnector(`${connectUrl}/connectors/${connectorName}`, limit)
  } catch (error) {
    if (!limit.aborted || signal.aborted || error instanceof FaultlineError) throw error
    throw new FaultlineError(
      'BACK_END_UNAVAILABLE',
      `the Debezium connector did not run within ${limitMs / 1_000} s`,
      {
        cause: error,
        remedy:
          'Run `faultline up` again: it goes on where it was. If that does not help, `faultline logs connect` tells what Connect waits for.',
        context: { connector: connectorName },
      },
    )
  }
}

async function startConnector(connector: string, limit: AbortSignal): Promise<void> {
  const config = await readFile(configFile, 'utf8')
  if (!(await hasConfig(connector, config, limit))) await putConfig(connector, config, limit)
  for (let failures = 0; ;) {
    const status = await readStatus(connector, limit)
    if (status !== undefined && isRunning(status)) return
    const trace = failureOf(status)
    if (trace !== undefined) {
      failures += 1
      if (failures === failuresBeforeGivingUp) throw failed(trace)
      await restartFailed(connector, limit)
    }
    await systemClock.sleep(pauseMs, limit)
  }
}

const watchEveryMs = 2_000
const restartPauseMaxMs = 60_000
/** What Debezium says where the slot is gone, lost, or ahead of what was captured. */
const slotLost = 'no longer available on the server'

interface Watch {
  readonly signal: AbortSignal
  readonly clock: Clock
  /** Told when the connector is found failed, before it is restarted. */
  readonly warn: (message: string) => void
}

/**
 * Restarts the connector and its task whenever they have failed, until the signal aborts; after pauses that grow to a minute
 * while that does not help. Connect itself leaves what has failed alone, and then nothing would be captured any more.
 */
export async function keepConnectorRunning(connectUrl: string, watch: Watch): Promise<void> {
  const { signal, clock, warn } = watch
  const connector = `${connectUrl}/connectors/${connectorName}`
  let pauseMs = watchEveryMs
  while (!signal.aborted) {
    await clock.sleep(pauseMs, signal).catch(() => undefined)
    try {
      const trace = failureOf(await readStatus(connector, signal))
      if (trace === undefined) {
        pauseMs = watchEveryMs
        continue
      }
      warn(
        trace.includes(slotLost)
          ? 'the Debezium connector has lost its slot: run `faultline slot recover`'
          : `the Debezium connector failed and is restarted: ${firstLines(trace)}`,
      )
      await restartFailed(connector, signal)
      pauseMs = Math.min(pauseMs * 2, restartPauseMaxMs)
    } catch {
      // Connect is away or starts: the supervisor sees to that.
      pauseMs = watchEveryMs
    }
  }
}

async function restartFailed(connector: string, signal: AbortSignal): Promise<void> {
  const restart = `${connector}/restart?includeTasks=true&onlyFailed=true`
  const response = await fetch(restart, { method: 'POST', signal })
  await response.text()
}

/** Whether Connect has this very configuration: to give it again would restart the task. */
async function hasConfig(connector: string, config: string, signal: AbortSignal): Promise<boolean> {
  const response = await fetch(`${connector}/config`, { signal })
  const body = await response.text()
  if (!response.ok) return false
  return isDeepStrictEqual(JSON.parse(body), {
    ...(JSON.parse(config) as object),
    name: connectorName,
  })
}

async function putConfig(connector: string, config: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    const response = await fetch(`${connector}/config`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: config,
      signal,
    })
    const body = await response.text()
    if (response.ok) return
    // 409: the worker is rebalancing; 500 and above: it is not quite up. Both pass.
    if (response.status !== 409 && response.status < 500) throw failed(messageIn(body))
    await systemClock.sleep(pauseMs, signal)
  }
}

async function readStatus(
  connector: string,
  signal: AbortSignal,
): Promise<ConnectorStatus | undefined> {
  const response = await fetch(`${connector}/status`, { signal })
  const body = await response.text()
  // 404 until the worker has read its own configuration topic, 409 while it rebalances.
  return response.ok ? statusSchema.parse(JSON.parse(body)) : undefined
}

function isRunning({ connector, tasks }: ConnectorStatus): boolean {
  return (
    connector.state === 'RUNNING' &&
    tasks.length > 0 &&
    tasks.every((task) => task.state === 'RUNNING')
  )
}

function failureOf(status: ConnectorStatus | undefined): string | undefined {
  if (status === undefined) return undefined
  const { connector, tasks } = status
  const broken = [connector, ...tasks].find(({ state }) => state === 'FAILED')
  return broken === undefined ? undefined : (broken.trace ?? 'no trace')
}

function messageIn(body: string): string {
  try {
    return problemSchema.parse(JSON.parse(body)).message
  } catch {
    return body
  }
}

function failed(trace: string): FaultlineError {
  const reason = firstLines(trace)
  return new FaultlineError('BACK_END_UNAVAILABLE', `the Debezium connector failed: ${reason}`, {
    remedy: 'See the log of connect (`faultline logs connect`) and debezium/README.md.',
    context: { connector: connectorName },
  })
}

/** The first line of a Java trace, and that of its deepest cause, which is usually the one that tells. */
export function firstLines(trace: string): string {
  const lines = trace.split('\n').map((line) => line.trim())
  const causes = lines.filter((line) => line.startsWith('Caused by: '))
  return [lines[0] ?? '', ...causes.slice(-1)].join('; ')
}
