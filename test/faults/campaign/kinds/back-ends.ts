import { join } from 'node:path'
import { keepRedisData, restartRedisOn } from '../../tools/processes/redis-data.ts'
import { pause, waitFor } from '../pause.ts'
import {
  apiFailsWithout,
  backEnds,
  limits,
  signalTo,
  stalledBy,
  type FaultContext,
  type FaultKind,
} from './kind.ts'

const connector = 'connectors/faultline-postgres'

const aboutOne = (name: string) => ({
  touches: [name],
  stalls: stalledBy(name),
  apiMayFail: apiFailsWithout(name),
  limitSeconds: limits.backEnd,
})

/** Kills a back end and keeps it from being started again for as long as `meanwhile` takes. */
async function keepAway(
  { product, pidOf }: FaultContext,
  name: string,
  meanwhile: () => Promise<void>,
): Promise<void> {
  const pid = await pidOf(name)
  const supervisor = product.supervisorPid()
  signalTo(supervisor, 'SIGSTOP')
  try {
    signalTo(pid, 'SIGKILL')
    await meanwhile()
  } finally {
    signalTo(supervisor, 'SIGCONT')
  }
}

const away = backEnds.map((name): FaultKind => ({
  ...aboutOne(name),
  name: `away-${name}`,
  weight: 0.5,
  isAlone: true,
  inject: (context) =>
    keepAway(context, name, async () => {
      const ms = context.chance.between(20_000, 60_000)
      context.note(`${Math.round(ms / 1_000)} s`)
      await pause(ms, context.signal)
    }),
}))

/** The process hangs: connections stay open and nothing answers. */
const hangs = backEnds.map((name): FaultKind => ({
  ...aboutOne(name),
  name: `hang-${name}`,
  weight: 0.6,
  inject: async ({ pidOf, chance, signal }) => {
    // The group: PostgreSQL is many processes.
    const pid = await pidOf(name)
    signalTo(-pid, 'SIGSTOP')
    try {
      await pause(chance.between(5_000, 20_000), signal)
    } finally {
      signalTo(-pid, 'SIGCONT')
    }
  },
}))

const redisLoss = {
  ...aboutOne('redis'),
  emptiesRedis: true,
  isAlone: true,
}

const redisEmptied: FaultKind = {
  ...redisLoss,
  name: 'redis-flushall',
  weight: 0.5,
  inject: async ({ redis }) => {
    await redis.run('flushall', (client) => client.flushall())
  },
}

/** As after a failover to a replica that had not received everything. */
const redisOlder: FaultKind = {
  ...redisLoss,
  name: 'redis-older-copy',
  weight: 0.7,
  inject: async ({ product, chance, signal }) => {
    const older = join(product.failpointFolder, '..', 'older-redis')
    await keepRedisData(product.home, older)
    await pause(chance.between(2_000, 10_000), signal)
    await restartRedisOn(product.home, older)
  },
}

const taskRestarted: FaultKind = {
  ...aboutOne('connect'),
  name: 'connect-task-restart',
  weight: 1,
  inject: async ({ product, chance }) => {
    const what = chance.isTrue(0.5) ? 'tasks/0/restart' : 'restart?includeTasks=true'
    // 409: the worker is rebalancing.
    await waitFor('Connect takes a restart', 60_000, async () => {
      const response = await fetch(`${product.addresses.connectUrl}/${connector}/${what}`, {
        method: 'POST',
      })
      return response.ok ? true : undefined
    })
  },
}

const walSenderEnded: FaultKind = {
  ...aboutOne('connect'),
  name: 'walsender-terminated',
  touches: ['connect', 'postgres'],
  weight: 1,
  inject: async ({ sql }) => {
    await sql('select pg_terminate_backend(pid) from pg_stat_replication')
  },
}

/** Connect cannot log in for a while, and its task fails: somebody has to restart it. */
const connectorFailed: FaultKind = {
  ...aboutOne('connect'),
  name: 'connector-fails',
  touches: ['connect', 'postgres'],
  weight: 0.7,
  inject: async ({ sql, chance, signal }) => {
    await sql('alter role faultline_replication nologin')
    try {
      await sql('select pg_terminate_backend(pid) from pg_stat_replication')
      await pause(chance.between(3_000, 20_000), signal)
    } finally {
      await sql('alter role faultline_replication login')
    }
  },
}

/** The slot is dropped while rows are committed; `faultline slot recover` has to bring back exactly the missing ones. */
const slotLost: FaultKind = {
  ...aboutOne('connect'),
  name: 'slot-lost',
  isAlone: true,
  weight: 0.3,
  inject: async ({ product, sql, chance, signal }) => {
    await sql('alter role faultline_replication nologin')
    try {
      await waitFor('the slot is dropped', 60_000, async () => {
        await sql(
          `select pg_terminate_backend(active_pid) from pg_replication_slots where active_pid is not null`,
        )
        await sql(`select pg_drop_replication_slot('faultline_slot')`)
        return true
      })
      await pause(chance.between(1_000, 5_000), signal)
    } finally {
      await sql('alter role faultline_replication login')
    }
    await product.command(['slot', 'recover'])
  },
}

export const backEndKinds: readonly FaultKind[] = [
  ...away,
  ...hangs,
  redisEmptied,
  redisOlder,
  taskRestarted,
  walSenderEnded,
  connectorFailed,
  slotLost,
]
