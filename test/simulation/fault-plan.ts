import type { Application, WorldParts } from './applications.ts'
import type { RequestFaults } from './network.ts'
import type { Slot } from './slot.ts'
import type { Tally } from './tally.ts'
import type { Trace } from './trace.ts'
import { simTopics, type Workload } from './workload.ts'

/** Everything that can be done to a run, by name. `network` stands for what happens to single requests. */
export const faultKinds = [
  'network',
  'kill',
  'kill at a request',
  'pause',
  'cut off',
  'stop and start',
  'one more instance',
  'broker restart',
  'late markers',
  'redis away',
  'redis emptied',
  'redis fails over',
  'warehouse away',
  'compaction',
  'clock jump',
  'debezium repeats',
] as const
export type FaultKind = (typeof faultKinds)[number]

interface PlanParts extends WorldParts {
  readonly tally: Tally
  readonly trace: Trace
  readonly workload: Workload
  readonly slots: Slot[]
  readonly addSlot: (application: Application) => void
  readonly kinds: readonly FaultKind[]
}

const instancesMax = 3

/** Plans the faults of a run: some of the kinds, so that runs differ in kind and not only in order. */
export function planFaults(parts: PlanParts, fromMs: number, untilMs: number): void {
  const { random, scheduler, network, kinds } = parts
  const chosen = kinds.filter(() => random.isTrue(0.6))
  const planned = chosen.filter((kind): kind is InjectedKind => kind in injections)
  if (chosen.includes('network')) network.faults = requestFaults(parts)
  if (chosen.includes('late markers')) parts.broker.transactions.slowMarkers = 0.1 * random.next()
  const count = planned.length === 0 ? 0 : random.between(6, 16)
  for (let i = 0; i < count; i++) {
    const kind = random.pick(planned)
    scheduler.after(random.next() * (untilMs - fromMs), () => {
      inject(parts, kind)
    })
  }
  // A replica is some way behind.
  for (let at = 0; at < untilMs - fromMs; at += 1_500) {
    scheduler.after(at, () => {
      if (random.isTrue(0.5)) parts.redis.replicate()
    })
  }
}

function requestFaults({ random }: PlanParts): RequestFaults {
  const upTo = (max: number): number => (random.isTrue(0.4) ? 0 : max * random.next())
  return {
    lost: upTo(0.03),
    replyLost: upTo(0.04),
    held: upTo(0.04),
    slow: upTo(0.05),
    crash: upTo(0.008),
  }
}

function inject(parts: PlanParts, kind: InjectedKind): void {
  const { random, tally, trace } = parts
  const slot = random.pick(parts.slots)
  tally.add(kind)
  trace.write('fault', kind, slot.process.name)
  injections[kind](parts, slot)
}

type InjectedKind = Exclude<FaultKind, 'network' | 'late markers'>

const injections: Readonly<Record<InjectedKind, (parts: PlanParts, slot: Slot) => void>> = {
  kill(_parts, { process }) {
    process.kill('killed')
  },
  'kill at a request'({ random }, { process }) {
    process.requestsLeft = random.between(0, 12)
  },
  pause({ random, scheduler }, { process }) {
    process.pausedUntil = scheduler.now + random.skewed(50, 25_000)
  },
  'cut off'({ random, scheduler }, { process }) {
    process.cutOffUntil = scheduler.now + random.skewed(50, 20_000)
  },
  'stop and start'(_parts, slot) {
    slot.stopCleanly()
  },
  'one more instance'({ slots, addSlot }, { application }) {
    const running = slots.filter((slot) => slot.application === application)
    if (running.length < instancesMax) addSlot(application)
  },
  'broker restart'({ random, broker }) {
    broker.restart(random.skewed(50, 8_000))
  },
  'redis away'({ random, scheduler, redis }) {
    redis.downUntil = scheduler.now + random.skewed(50, 10_000)
  },
  'redis emptied'({ redis }) {
    redis.empty()
  },
  'redis fails over'({ redis }) {
    redis.failOver()
  },
  'warehouse away'({ random, scheduler, warehouse }) {
    warehouse.downUntil = scheduler.now + random.skewed(50, 10_000)
  },
  compaction({ random, broker, partitions }) {
    for (let partition = 0; partition < partitions; partition++) {
      broker.log(simTopics.state, partition).compact(() => random.isTrue(0.3))
    }
  },
  'clock jump'({ random }, { process }) {
    process.clockAheadMs += random.between(-3_600_000, 3_600_000)
  },
  'debezium repeats'({ workload }) {
    workload.repeat()
  },
}
