import { pause } from '../pause.ts'
import {
  apiFailsWithout,
  applications,
  backEnds,
  groupApplications,
  limitOf,
  limits,
  signalTo,
  stalledBy,
  type FaultKind,
} from './kind.ts'

const everything = [...applications, ...backEnds]

const aboutOne = (name: string) => ({
  touches: [name],
  stalls: stalledBy(name),
  apiMayFail: apiFailsWithout(name),
  limitSeconds: limitOf(name),
})

const killed = everything.map((name): FaultKind => ({
  ...aboutOne(name),
  name: `kill-${name}`,
  weight: (applications as readonly string[]).includes(name) ? 4 : 1.5,
  inject: async ({ pidOf }) => {
    signalTo(await pidOf(name), 'SIGKILL')
  },
}))

const terminated = everything.map((name): FaultKind => ({
  ...aboutOne(name),
  name: `term-${name}`,
  weight: (applications as readonly string[]).includes(name) ? 1.5 : 0.3,
  inject: async ({ pidOf }) => {
    // PostgreSQL's SIGTERM waits for every session to leave; SIGINT is what its supervisor would send.
    signalTo(await pidOf(name), name === 'postgres' ? 'SIGINT' : 'SIGTERM')
  },
}))

const killedAgain = groupApplications.map((name): FaultKind => ({
  ...aboutOne(name),
  name: `kill-${name}-in-recovery`,
  weight: 2,
  inject: async ({ pidOf, chance, note, signal }) => {
    const first = await pidOf(name)
    signalTo(first, 'SIGKILL')
    await pause(200, signal)
    const second = await pidOf(name)
    const afterMs = chance.between(0, 9_000)
    await pause(afterMs, signal)
    note(`second kill after ${afterMs} ms`)
    signalTo(second, 'SIGKILL')
  },
}))

const crashLoops = groupApplications.map((name): FaultKind => ({
  ...aboutOne(name),
  name: `crash-loop-${name}`,
  weight: 0.7,
  inject: async ({ pidOf, chance, signal }) => {
    for (let kill = 0; kill < 5; kill++) {
      signalTo(await pidOf(name), 'SIGKILL')
      await pause(chance.between(200, 2_000), signal)
    }
  },
}))

const supervisorKilled: FaultKind = {
  name: 'kill-supervisor',
  weight: 1,
  touches: [],
  isAlone: true,
  stalls: ['api', 'clickhouse'],
  apiMayFail: true,
  limitSeconds: limits.backEnd,
  inject: async ({ product, chance, signal }) => {
    signalTo(product.supervisorPid(), 'SIGKILL')
    // Its children run on unattended; the next `up` has to find them and start anew.
    await pause(chance.between(500, 5_000), signal)
    await product.up()
  },
}

export const processKinds: readonly FaultKind[] = [
  ...killed,
  ...terminated,
  ...killedAgain,
  ...crashLoops,
  supervisorKilled,
]
