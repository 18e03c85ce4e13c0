import { startOfRun, type Application, type WorldParts } from './applications.ts'
import { checkEnd, whatIsLeft } from './checks.ts'
import { planFaults, type FaultKind } from './fault-plan.ts'
import { Follower } from './follower.ts'
import { ModelRedis } from './model/model-redis.ts'
import { ModelWarehouse } from './model/model-warehouse.ts'
import { SimBroker } from './model/sim-broker.ts'
import { Network } from './network.ts'
import { Chance } from '../support/chance.ts'
import { Scheduler } from './scheduler.ts'
import { Slot } from './slot.ts'
import { Tally } from './tally.ts'
import { Trace } from './trace.ts'
import { Workload } from './workload.ts'

export interface RunOptions {
  readonly kinds: readonly FaultKind[]
  /** Prints what happens, line by line. */
  readonly print?: (line: string) => void
}

export interface RunResult {
  readonly seed: number
  readonly events: number
  readonly rows: number
  readonly tally: ReadonlyMap<string, number>
  readonly violations: readonly string[]
  /** Virtual time from the end of the faults until everything was caught up. */
  readonly recoveryMs: number
}

const followEveryMs = 700
/** After the last fault everything must be caught up within this: a transaction's and a request's timeout, and then some. */
const recoveryMaxMs = 180_000
/** Until the last request that was held back has arrived. */
const stragglersMs = 120_000
const violationsMax = 20

/** One run from one seed. */
export async function runSeed(seed: number, { kinds, print }: RunOptions): Promise<RunResult> {
  const scheduler = new Scheduler(startOfRun)
  const random = Chance.ofCounted(seed)
  const tally = new Tally()
  const trace = new Trace(scheduler, print ?? null)
  const violations: string[] = []
  const report = (violation: string): void => {
    trace.write('VIOLATION', violation, '')
    if (violations.length < violationsMax) violations.push(violation)
  }
  const partitions = random.between(2, 3)
  const broker = new SimBroker({ scheduler, random, tally, partitions })
  const world: WorldParts = {
    scheduler,
    random,
    broker,
    partitions,
    network: new Network({ scheduler, random, tally, trace }),
    redis: new ModelRedis(tally),
    warehouse: new ModelWarehouse(tally),
    batchMax: random.between(2, 20),
  }
  const workload = new Workload(
    { scheduler, random, tally, trace, broker, partitions },
    random.between(3, 8),
  )
  const follower = new Follower(broker, workload, report)
  const checked = { ...world, workload, follower }
  const slots: Slot[] = []
  const addSlot = (application: Application): void => {
    slots.push(new Slot(application, slots.length, { ...world, tally, trace, report }))
  }

  const faultsEnd = scheduler.now + random.between(4_000, 14_000)
  workload.start(faultsEnd, random.between(15, 45))
  for (const application of ['enricher', 'consumer', 'sink'] as const) {
    for (let i = random.between(1, 2); i > 0; i--) addSlot(application)
  }
  planFaults({ ...world, tally, trace, workload, slots, addSlot, kinds }, scheduler.now, faultsEnd)
  const progress: { left: string | null } = { left: 'everything' }
  const follow = (): void => {
    for (let partition = 0; partition < partitions; partition++) follower.follow(partition)
    if (scheduler.now >= faultsEnd) progress.left = whatIsLeft(checked)
    if (progress.left !== null) scheduler.after(followEveryMs, follow)
  }
  scheduler.after(followEveryMs, follow)
  await scheduler.run(faultsEnd, () => false)
  world.network.faults = { lost: 0, replyLost: 0, held: 0, slow: 0, crash: 0 }
  broker.transactions.slowMarkers = 0
  const recovered = await scheduler.run(faultsEnd + recoveryMaxMs, () => progress.left === null)
  const recoveryMs = scheduler.now - faultsEnd
  if (!recovered) {
    report(`I12 ${recoveryMaxMs / 1_000} s after the last fault there is left: ${progress.left}`)
  }
  for (const slot of slots) slot.end()
  await scheduler.run(scheduler.now + stragglersMs, () => false)
  if (recovered) {
    await finish(checked, addSlot, report)
    checkEnd(checked, report)
  }
  return {
    seed,
    events: scheduler.events,
    rows: workload.rows.size,
    tally: tally.counts,
    violations,
    recoveryMs,
  }
}

type Checked = Parameters<typeof whatIsLeft>[0]

/** What a straggler still brought in is caught up with by new instances. */
async function finish(
  checked: Checked,
  addSlot: (application: Application) => void,
  report: (violation: string) => void,
): Promise<void> {
  let left = whatIsLeft(checked)
  if (left === null) return
  for (const application of ['enricher', 'consumer', 'sink'] as const) addSlot(application)
  const { scheduler } = checked
  const look = (): void => {
    left = whatIsLeft(checked)
    if (left !== null) scheduler.after(followEveryMs, look)
  }
  look()
  if (!(await scheduler.run(scheduler.now + recoveryMaxMs, () => left === null))) {
    report(`I12 after the last straggler there is left: ${left}`)
  }
}
