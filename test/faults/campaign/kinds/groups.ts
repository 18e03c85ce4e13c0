import { pause } from '../pause.ts'
import {
  groupApplications,
  limits,
  needsOf,
  signalTo,
  stalledBy,
  type FaultContext,
  type FaultKind,
} from './kind.ts'
import type { GroupApp } from '../extra-instance.ts'

/** Longer than the session timeout of the groups (6 s). */
const stoppedMs = [9_000, 20_000] as const

const aboutOne = (name: GroupApp) => ({
  touches: needsOf(name),
  stalls: stalledBy(name),
  limitSeconds: limits.application,
})

const frozen = groupApplications.map((name): FaultKind => ({
  ...aboutOne(name),
  name: `freeze-${name}`,
  weight: 0.7,
  inject: async ({ pidOf, chance, signal }) => {
    const pid = await pidOf(name)
    signalTo(pid, 'SIGSTOP')
    try {
      await pause(chance.between(...stoppedMs), signal)
    } finally {
      signalTo(pid, 'SIGCONT')
    }
  },
}))

/** The stack's instance is stopped in the middle of its work, another takes its partitions, then the former owner wakes up. */
const zombies = groupApplications.map((name): FaultKind => ({
  ...aboutOne(name),
  name: `zombie-${name}`,
  weight: 2,
  inject: async ({ pidOf, extra, endExtra, chance, signal }) => {
    const second = extra(name)
    const pid = await pidOf(name)
    second.start()
    await pause(chance.between(2_000, 5_000), signal)
    signalTo(pid, 'SIGSTOP')
    try {
      await second.untilOwner()
      await pause(chance.between(1_000, 4_000), signal)
    } finally {
      signalTo(pid, 'SIGCONT')
    }
    await pause(chance.between(1_000, 4_000), signal)
    await endExtra(second, chance.isTrue(0.5) ? 'SIGKILL' : 'SIGTERM')
  },
}))

const doubled = groupApplications.map((name): FaultKind => ({
  ...aboutOne(name),
  name: `second-${name}`,
  weight: 1,
  inject: async ({ extra, endExtra, chance, signal }) => {
    const second = extra(name)
    second.start()
    await second.untilOwner()
    await pause(chance.between(2_000, 8_000), signal)
    await endExtra(second, chance.isTrue(0.5) ? 'SIGKILL' : 'SIGTERM')
  },
}))

const turns = 8

const storm: FaultKind = {
  name: 'rebalance-storm',
  weight: 1,
  touches: [...groupApplications],
  isAlone: true,
  stalls: ['api', 'clickhouse'],
  limitSeconds: limits.application,
  inject: async (context) => {
    const seconds = groupApplications.map(context.extra)
    for (let turn = 0; turn < turns && !context.signal.aborted; turn++) {
      for (const second of seconds) await shake(context, second)
      await pause(context.chance.between(2_000, 4_000), context.signal)
    }
    for (const second of seconds) await context.endExtra(second, 'SIGTERM')
  },
}

/** Members come and go, in order and not, and some sleep through a turn. */
async function shake(
  { chance, endExtra, signal }: FaultContext,
  second: ReturnType<FaultContext['extra']>,
): Promise<void> {
  if (second.pid === undefined) {
    second.start()
    return
  }
  const what = chance.pick(['stay', 'leave', 'die', 'sleep'] as const)
  if (what === 'leave') await endExtra(second, 'SIGTERM')
  else if (what === 'die') await endExtra(second, 'SIGKILL')
  else if (what === 'sleep') {
    second.signal('SIGSTOP')
    await pause(chance.between(500, 2_000), signal)
    second.signal('SIGCONT')
  }
}

export const groupKinds: readonly FaultKind[] = [...frozen, ...zombies, ...doubled, storm]
