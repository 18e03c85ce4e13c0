import { isAllKept, type ReplayResult } from './replay-partition.ts'

/** What a replay of several partitions came to; `--json` prints it as it is. */
export interface ReplayReport extends Omit<ReplayResult, 'retained_from'> {
  readonly partitions: number
  readonly seconds: number
  readonly records_per_second: number
  /** Partitions of which the raw topic lost its beginning, with the first offset that is left. */
  readonly truncated: Readonly<Record<string, number>>
}

export function addUp(results: ReadonlyMap<number, ReplayResult>, seconds: number): ReplayReport {
  const all = [...results.values()]
  const sum = (read: (result: ReplayResult) => number) => all.reduce((n, one) => n + read(one), 0)
  const records = sum((result) => result.records)
  return {
    partitions: results.size,
    records,
    seconds: Math.round(seconds * 1_000) / 1_000,
    records_per_second: Math.round(records / Math.max(seconds, 0.001)),
    counts: {
      same: sum(({ counts }) => counts.same),
      different: sum(({ counts }) => counts.different),
      only_here: sum(({ counts }) => counts.only_here),
      only_there: sum(({ counts }) => counts.only_there),
      state_unknown: sum(({ counts }) => counts.state_unknown),
      out_of_order: sum(({ counts }) => counts.out_of_order),
    },
    dead_letters: sum(({ dead_letters }) => dead_letters),
    waiting: sum(({ waiting }) => waiting),
    corrected: sum(({ corrected }) => corrected),
    first: all.find(({ first }) => first !== null)?.first ?? null,
    truncated: Object.fromEntries(
      [...results].flatMap(([partition, { retained_from: from }]) =>
        from > 0 ? [[String(partition), from]] : [],
      ),
    ),
  }
}

/** 3 where the replay and the topic differ and were not made the same. */
export function exitCodeOf({ counts, corrected }: ReplayReport): number {
  const { different, only_here: here, only_there: there, out_of_order: order } = counts
  return different - corrected + here + there + order === 0 ? 0 : 3
}

export function describe(report: ReplayReport): string {
  const { counts, first } = report
  const n = (value: number) => value.toLocaleString('en')
  const lines = [
    `replayed ${n(report.records)} records of ${report.partitions} partitions in ${report.seconds} s (${n(report.records_per_second)}/s)`,
    `  same ${n(counts.same)}, different ${n(counts.different)}, only here ${n(counts.only_here)}, only in the topic ${n(counts.only_there)}, out of order ${n(counts.out_of_order)}`,
    `  left out: ${n(report.dead_letters)} dead letters; ${n(report.waiting)} wait for their device`,
  ]
  const truncated = Object.entries(report.truncated)
  if (truncated.length > 0) {
    const where = truncated.map(([partition, from]) => `${partition}:${from}`).join(', ')
    lines.push(
      `  ${n(counts.state_unknown)} agree in all that does not depend on earlier measurements; the rest cannot be known, because the raw topic begins at ${where}`,
    )
  }
  if (first !== null) {
    const { event_id: id, device_id: device, source, field } = first
    lines.push(
      `  first difference: event ${id} of ${device} (raw ${source}), ${field}: here ${JSON.stringify(first.here)}, in the topic ${JSON.stringify(first.there)}`,
    )
  }
  if (report.corrected > 0) lines.push(`  corrected ${n(report.corrected)}`)
  if (!isAllKept(report)) lines.push('  more differ than are corrected at once: run it again')
  return lines.join('\n')
}
