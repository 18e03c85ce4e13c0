import type { RedisClient } from '@faultline/runtime/redis'
import type { Chance } from '../../../support/chance.ts'
import type { Failpoint, Failpoints } from '../failpoints.ts'
import type { ExtraInstance, GroupApp } from '../extra-instance.ts'
import type { Load } from '../load.ts'
import type { Network } from '../network.ts'
import type { ProductUnderTest } from '../product-under-test.ts'

/** What a fault can use. */
export interface FaultContext {
  readonly product: ProductUnderTest
  readonly chance: Chance
  readonly signal: AbortSignal
  /** Multiplies every limit of time. */
  readonly patience: number
  readonly load: Load
  readonly redis: RedisClient
  readonly network: Network
  /** The present process of that name; waits for one while it is being started. */
  readonly pidOf: (name: string) => Promise<number>
  readonly sql: (
    text: string,
    params?: readonly unknown[],
  ) => Promise<readonly Record<string, unknown>[]>
  readonly armed: Failpoints
  /** A named crash point was reached, and acted. */
  readonly hit: (point: Failpoint) => void
  /** A second copy of an application; whatever happens, it is ended with the campaign. */
  readonly extra: (app: GroupApp) => ExtraInstance
  /** Stops the extra instance, after its counters were read. */
  readonly endExtra: (extra: ExtraInstance, how: 'SIGTERM' | 'SIGKILL') => Promise<void>
  /** Said in the report beside the fault. */
  readonly note: (text: string) => void
}

/** The two ways of a row that are watched: into the API, and into ClickHouse. */
export type Way = 'api' | 'clickhouse'

export interface FaultKind {
  readonly name: string
  /** How often in proportion to the others. */
  readonly weight: number
  /** Processes that it touches; faults with a common one never overlap. */
  readonly touches: readonly string[]
  /** Never beside another fault. */
  readonly isAlone?: boolean
  /** Ways that may stand still meanwhile; the others have to go on. */
  readonly stalls: readonly Way[]
  /** Whether the API may answer 503 or not at all. */
  readonly apiMayFail?: boolean
  /** Whether Redis loses data: `as_of` goes back then, and healing takes a reading of the topic. */
  readonly emptiesRedis?: boolean
  /** Within how long after healing a row has to be visible in time again. */
  readonly limitSeconds: number
  /** Injects the fault, holds it and heals it; what heals by itself is left to the product. */
  inject(context: FaultContext): Promise<void>
}

export const applications = [
  'enricher',
  'redis-consumer',
  'clickhouse-sink',
  'api',
  'auditor',
  'collector',
  'postgres-keeper',
] as const
export const groupApplications = ['enricher', 'redis-consumer', 'clickhouse-sink'] as const
export const backEnds = ['postgres', 'kafka', 'registry', 'connect', 'clickhouse', 'redis'] as const

/** What an instance needs to take partitions: nothing of that may be broken where one is waited for. */
export function needsOf(app: string): readonly string[] {
  const own = { 'redis-consumer': ['redis'], 'clickhouse-sink': ['clickhouse'] }[app] ?? []
  return [
    app,
    'kafka',
    'registry',
    ...own,
    ...own.map((name) => `link to ${name}`),
    'link to kafka',
    'link to registry',
  ]
}

/** Sends a signal to a process that may have ended a moment ago. */
export function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ESRCH') throw error
  }
}

export const limits = { application: 30, backEnd: 90 } as const

/** What stands still while a process is away. */
export function stalledBy(name: string): readonly Way[] {
  if (name === 'clickhouse' || name === 'clickhouse-sink') return ['clickhouse']
  if (name === 'redis' || name === 'redis-consumer' || name === 'api') return ['api']
  // The registry is asked for new schemas only, and nobody waits for the others.
  if (['registry', 'auditor', 'collector', 'postgres-keeper'].includes(name)) return []
  return ['api', 'clickhouse']
}

/** The API needs Redis for everything that is looked at here, and is itself away while it starts. */
export function apiFailsWithout(name: string): boolean {
  return name === 'redis' || name === 'api'
}

export function limitOf(name: string): number {
  return (applications as readonly string[]).includes(name) ? limits.application : limits.backEnd
}
