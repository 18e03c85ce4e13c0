import { backEndKinds } from './back-ends.ts'
import { clockKinds } from './clocks.ts'
import { crashPointKinds } from './crash-points.ts'
import { dataKinds } from './data.ts'
import { groupKinds } from './groups.ts'
import type { FaultKind } from './kind.ts'
import { networkKinds } from './network.ts'
import { processKinds } from './processes.ts'
import { rebuildKinds } from './rebuilds.ts'

export const faultKinds: readonly FaultKind[] = [
  ...processKinds,
  ...groupKinds,
  ...crashPointKinds,
  ...networkKinds,
  ...backEndKinds,
  ...dataKinds,
  ...clockKinds,
  ...rebuildKinds,
]

/** What every change has to pass: each application killed, a former owner that wakes up, and two back ends. */
export const sliceKinds: readonly string[] = [
  'kill-enricher',
  'kill-redis-consumer-in-recovery',
  'kill-clickhouse-sink',
  'kill-api',
  'zombie-enricher',
  'kill-redis',
  'kill-postgres',
]

/** @throws Error naming what is unknown */
export function kindsNamed(names: readonly string[]): readonly FaultKind[] {
  return names.map((name) => {
    const kind = faultKinds.find((candidate) => candidate.name === name)
    if (kind === undefined) throw new Error(`no fault kind is called ${name}; --list names them`)
    return kind
  })
}

export type { FaultContext, FaultKind } from './kind.ts'
