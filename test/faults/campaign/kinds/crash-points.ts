import type { Failpoint } from '../failpoints.ts'
import { pause } from '../pause.ts'
import type { GroupApp } from '../extra-instance.ts'
import {
  limitOf,
  limits,
  needsOf,
  signalTo,
  stalledBy,
  type FaultContext,
  type FaultKind,
} from './kind.ts'

interface Place {
  readonly app: GroupApp | 'api'
  readonly point: Failpoint
  /** How the process is brought to pass it; without: it passes by itself, under load. */
  readonly by?: 'kill' | 'second'
  /** Where the process before it has to die, so that there is something to find. */
  readonly after?: Failpoint
}

const places: readonly Place[] = [
  { app: 'enricher', point: 'enricher.polled' },
  { app: 'enricher', point: 'enricher.fenced-offset-unread', by: 'kill' },
  { app: 'enricher', point: 'enricher.restoring', by: 'kill' },
  { app: 'enricher', point: 'enricher.offset-read-unsought', by: 'kill' },
  { app: 'enricher', point: 'enricher.committed-memory-behind' },
  { app: 'enricher', point: 'enricher.released', by: 'second' },
  { app: 'enricher', point: 'transaction.begun' },
  { app: 'enricher', point: 'transaction.first-sent' },
  { app: 'enricher', point: 'transaction.send-unanswered' },
  { app: 'enricher', point: 'transaction.all-sent' },
  { app: 'enricher', point: 'transaction.offsets-sent' },
  { app: 'enricher', point: 'transaction.end-unanswered' },
  { app: 'redis-consumer', point: 'redis.polled' },
  { app: 'redis-consumer', point: 'redis.epoch-taken', by: 'kill' },
  { app: 'redis-consumer', point: 'redis.script-unanswered' },
  { app: 'redis-consumer', point: 'redis.applied-hint-due' },
  { app: 'clickhouse-sink', point: 'sink.batch-formed' },
  { app: 'clickhouse-sink', point: 'sink.batch-split', after: 'sink.insert-unanswered' },
  { app: 'clickhouse-sink', point: 'sink.insert-unanswered' },
  { app: 'clickhouse-sink', point: 'sink.stored-offset-behind' },
  { app: 'clickhouse-sink', point: 'sink.offset-stored-roll-up-due' },
  { app: 'api', point: 'api.between-events' },
]

const reachLimitMs = 25_000
/** Passages before the point acts, so that it is not always the first batch. */
const passagesMax = 20

/** Waits for the point; a point that nobody passes is no fault, and is said in the report. */
async function fires(context: FaultContext, point: Failpoint): Promise<number | undefined> {
  try {
    const pid = await context.armed.untilFired(point, reachLimitMs * context.patience)
    context.hit(point)
    return pid
  } catch {
    context.note('not reached')
    return undefined
  } finally {
    context.armed.disarm(point)
  }
}

async function provoke(context: FaultContext, { app, by }: Place): Promise<void> {
  if (by === undefined || app === 'api') return
  if (by === 'kill') {
    signalTo(await context.pidOf(app), 'SIGKILL')
    return
  }
  const second = context.extra(app)
  second.start()
  await second.untilOwner()
  await context.endExtra(second, 'SIGTERM')
}

const killed = places.map((place): FaultKind => {
  const { app, point, by, after } = place
  return {
    name: `crash-${point}`,
    weight: 0.7,
    touches: needsOf(app),
    stalls: stalledBy(app),
    apiMayFail: app === 'api',
    limitSeconds: limitOf(app),
    inject: async (context) => {
      const isFirst = by !== undefined || after !== undefined
      const passages = isFirst ? 1 : context.chance.between(1, passagesMax)
      if (after !== undefined) context.armed.arm(after, 'kill', 1)
      context.armed.arm(point, 'kill', passages)
      const fired = fires(context, point)
      await provoke(context, place)
      await fired
      if (after !== undefined) context.armed.disarm(after)
    },
  }
})

/** Points between the writes of a step: an owner that sleeps there comes back with a half-done step. */
const sleepy: readonly { readonly app: GroupApp; readonly point: Failpoint }[] = [
  { app: 'enricher', point: 'enricher.polled' },
  { app: 'enricher', point: 'transaction.begun' },
  { app: 'enricher', point: 'transaction.all-sent' },
  { app: 'enricher', point: 'transaction.offsets-sent' },
  { app: 'redis-consumer', point: 'redis.polled' },
  { app: 'clickhouse-sink', point: 'sink.batch-formed' },
]

/** Stopped exactly there until another instance owns its partitions, then woken: what it still writes has to be refused. */
const zombies = sleepy.map(({ app, point }): FaultKind => ({
  name: `zombie-at-${point}`,
  weight: 1,
  touches: [app],
  stalls: stalledBy(app),
  limitSeconds: limits.application,
  inject: async (context) => {
    context.armed.arm(point, 'stop', context.chance.between(1, passagesMax))
    const pid = await fires(context, point)
    if (pid === undefined) return
    const second = context.extra(app)
    try {
      second.start()
      await second.untilOwner()
      await pause(context.chance.between(500, 3_000), context.signal)
    } finally {
      signalTo(pid, 'SIGCONT')
    }
    await pause(3_000, context.signal)
    await context.endExtra(second, 'SIGTERM')
  },
}))

const supervisorPoints = [
  'supervisor.locked',
  'supervisor.back-end-up',
  'supervisor.running',
  'supervisor.stopping',
] as const

const supervisors = supervisorPoints.map((point): FaultKind => ({
  name: `crash-${point}`,
  weight: 0.3,
  touches: [],
  isAlone: true,
  stalls: ['api', 'clickhouse'],
  apiMayFail: true,
  limitSeconds: limits.backEnd,
  inject: async (context) => {
    const { product, armed, chance } = context
    const isStarting = point === 'supervisor.locked' || point === 'supervisor.back-end-up'
    if (isStarting) signalTo(product.supervisorPid(), 'SIGKILL')
    const hasSeveral = point === 'supervisor.back-end-up' || point === 'supervisor.stopping'
    armed.arm(point, 'kill', hasSeveral ? chance.between(1, 5) : 1)
    const fired = fires(context, point)
    if (isStarting) await product.up().catch(() => undefined)
    if (point === 'supervisor.stopping') await product.down().catch(() => undefined)
    await fired
    await product.up()
  },
}))

export const crashPointKinds: readonly FaultKind[] = [...killed, ...zombies, ...supervisors]
