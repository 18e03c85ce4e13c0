import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FaultRecord } from './fault-runner.ts'
import type { LoadTotals } from './load.ts'
import type { ResourceMaxima } from './monitor.ts'
import { invariants, type Violation } from './violations.ts'

export interface Report {
  readonly commit: string
  readonly machine: string
  readonly startedAt: string
  readonly minutes: number
  readonly seed: number
  /** Limits of time were multiplied by this. */
  readonly patience: number
  readonly replay: string
  readonly interrupted: boolean
  readonly rows: number
  readonly rowsPerSecond: number
  readonly load: LoadTotals
  readonly enriched: number
  readonly deadLetters: number
  readonly waiting: number
  readonly removals: number
  readonly commitAnswersLost: number
  readonly faults: readonly FaultRecord[]
  /** How often each named crash point was reached and killed or stopped its process. */
  readonly crashPoints: Readonly<Record<string, number>>
  readonly verdicts: number
  readonly checks: Readonly<Record<string, number>>
  readonly zombieWritesRefused: {
    readonly byMetrics: number
    readonly byLogs: number
    readonly recordsSkipped: number
  }
  readonly freshnessMs: { readonly samples: number; readonly p50: number; readonly p99: number }
  readonly api: {
    readonly answers: Readonly<Record<string, number>>
    readonly liveEvents: number
    readonly liveResumes: number
    readonly liveResets: number
  }
  readonly resources: ResourceMaxima
  readonly violationsTotal: number
  readonly violations: readonly Violation[]
}

/** Writes the report as JSON and as Markdown; returns the paths. */
export function writeReport(report: Report, folder: string): readonly string[] {
  mkdirSync(folder, { recursive: true })
  const base = join(folder, `${report.startedAt.replaceAll(/[:.]/g, '-')}-seed-${report.seed}`)
  const files = [
    [`${base}.json`, `${JSON.stringify(report, null, 2)}\n`],
    [`${base}.md`, markdown(report)],
  ] as const
  for (const [path, text] of files) writeFileSync(path, text)
  return files.map(([path]) => path)
}

function markdown(report: Report): string {
  const { resources, zombieWritesRefused: refused, freshnessMs } = report
  return [
    `# Campaign of ${report.startedAt}, seed ${report.seed}`,
    '',
    table(
      ['figure', 'value'],
      [
        ['commit', report.commit],
        ['machine', report.machine],
        ['minutes', report.minutes],
        ['limits of time multiplied by', report.patience],
        ['faults', report.faults.length],
        ['fault kinds', new Set(report.faults.map(({ kind }) => kind)).size],
        ['crash points hit', Object.keys(report.crashPoints).length],
        ['rows committed', report.rows],
        ['rows a second', report.rowsPerSecond],
        ['of these enriched', report.enriched],
        ['dead letters (bad on purpose)', report.deadLetters],
        ['waiting for a device', report.waiting],
        ['answers of COMMIT lost and looked up', report.commitAnswersLost],
        ['full comparisons of all stores', report.verdicts],
        ['writes of former owners refused (metrics)', refused.byMetrics],
        ['writes of former owners refused (log lines)', refused.byLogs],
        ['records seen again and not applied again', refused.recordsSkipped],
        [
          'commit to visible in the API, faults included',
          `p50 ${freshnessMs.p50} ms, p99 ${freshnessMs.p99} ms of ${freshnessMs.samples}`,
        ],
        ['live stream', liveLine(report)],
        ['answers of the API', keyValues(report.api.answers)],
        ['Redis at most', megabytes(resources.redisBytes)],
        ['log held by the slot at most', megabytes(resources.walRetainedBytes)],
        ['violations', report.violationsTotal],
        ['replay', `\`${report.replay}\``],
      ],
    ),
    '',
    table(
      [
        'fault',
        'times',
        'fresh p50 s',
        'fresh max s',
        'recovered p50 s',
        'recovered max s',
        'limit s',
      ],
      byKind(report.faults),
    ),
    '',
    table(
      ['invariant', 'what', 'checks', 'violations'],
      Object.entries(invariants).map(([name, what]) => [
        name,
        what,
        report.checks[name] ?? 0,
        report.violations.filter(({ invariant }) => invariant === name).length,
      ]),
    ),
    '',
    table(['crash point', 'times'], Object.entries(report.crashPoints)),
    '',
    table(
      ['process', 'memory at most'],
      Object.entries(resources.rssBytes).map(([name, bytes]) => [name, megabytes(bytes)]),
    ),
    ...report.violations.flatMap(({ at, invariant, fault, message }) => [
      '',
      `- ${at} **${invariant}** (${fault}): ${message}`,
    ]),
    '',
  ].join('\n')
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) * share)] ?? 0
}

function byKind(faults: readonly FaultRecord[]): readonly (readonly (string | number)[])[] {
  const kinds = [...new Set(faults.map(({ kind }) => kind))].sort()
  return kinds.map((kind) => {
    const own = faults.filter((fault) => fault.kind === kind)
    const fresh = own.flatMap((fault) => fault.fresh ?? [])
    const recovered = own.flatMap((fault) => fault.recovered ?? [])
    return [
      kind,
      own.length,
      percentile(fresh, 0.5),
      percentile(fresh, 1),
      percentile(recovered, 0.5),
      percentile(recovered, 1),
      Math.max(...own.map(({ limit }) => limit)),
    ]
  })
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

function liveLine({ api }: Report): string {
  return `${api.liveEvents} events, ${api.liveResumes} times resumed, ${api.liveResets} resets`
}

function keyValues(record: Readonly<Record<string, number>>): string {
  return Object.entries(record)
    .map(([key, value]) => `${key}: ${value}`)
    .join(', ')
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`
}
