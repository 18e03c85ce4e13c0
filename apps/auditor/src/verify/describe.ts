import type { Difference, StoreAudit } from '@faultline/audit/report'

type Audits = Readonly<Record<'redis' | 'clickhouse', StoreAudit>>

const names = { redis: 'Redis', clickhouse: 'ClickHouse' } as const

/** For a person at 3 a.m.: the verdict first, then what differs, then what was compared. */
export function describeAudits(audits: Audits, seconds: number): string {
  const stores = [audits.redis, audits.clickhouse]
  const differing = stores.reduce((sum, { differenceCount }) => sum + differenceCount, 0)
  return [
    verdict(stores, differing),
    ...stores.flatMap(({ differences }) => differences.map(describeDifference)),
    ...(['redis', 'clickhouse'] as const).flatMap((name) =>
      describeStore(names[name], audits[name]),
    ),
    `took ${seconds.toFixed(1)} s`,
  ].join('\n')
}

function verdict(stores: readonly StoreAudit[], differing: number): string {
  if (differing > 0) {
    return `DIFFERS: ${differing} difference${differing === 1 ? '' : 's'} from the enriched topic; docs/verify.md says what to do`
  }
  return stores.every(({ isChecked }) => isChecked)
    ? 'equal: Redis and ClickHouse hold what the enriched topic says'
    : 'NOT CHECKED: something could not be compared'
}

/** One line: where, then both values. */
function describeDifference({ store, key, field, expected, actual, at }: Difference): string {
  const place = [key, field].filter((part) => part !== '').join(' ')
  const record = at === null ? '' : `  (record ${at})`
  return `  ${store} ${place}: expected ${expected ?? 'nothing'}, is ${actual ?? 'missing'}${record}`
}

function describeStore(name: string, audit: StoreAudit): string[] {
  const { compared, notCompared, offsets } = audit
  const counts = Object.entries(compared).map(([what, count]) => `${count} ${what}`)
  const at = [...offsets].sort(([a], [b]) => a - b).map(([p, next]) => `${p}:${next}`)
  return [
    `${name} at ${at.join(' ') || 'no offset'}: ${counts.join(', ') || 'nothing compared'}`,
    ...notCompared.map((why) => `  not compared: ${why}`),
  ]
}

/** One object, `offsets` by partition. */
export function jsonOf(audits: Audits): string {
  const stores = Object.entries(audits).map(([name, audit]) => [
    name,
    { ...audit, offsets: Object.fromEntries(audit.offsets) },
  ])
  const both = [audits.redis, audits.clickhouse]
  return JSON.stringify({
    equal: both.every(({ differenceCount }) => differenceCount === 0),
    checked: both.every(({ isChecked }) => isChecked),
    ...(Object.fromEntries(stores) as object),
  })
}
