import { findSupervisor } from '@faultline/stack/control'
import type { StackStatus } from '@faultline/stack/control'
import type { CliContext } from '../context.ts'
import { formatDuration } from '../duration.ts'
import type { Terminal } from '../terminal.ts'

type ProcessLine = StackStatus['processes'][number]

const crashLoopDeaths = 3

/** Prints what runs. Exit code 1 when no stack runs on this home. */
export async function status(context: CliContext, options: { json: boolean }): Promise<number> {
  const { terminal, home } = context
  const current = await findSupervisor(home)?.status()
  if (options.json) {
    const answer = current ?? { running: false, home, processes: [] }
    terminal.print(JSON.stringify(answer, undefined, 2))
  } else if (current === undefined) {
    terminal.print(`No stack runs on ${home}. Start it with \`faultline up\`.`)
  } else printStatus(terminal, current, Date.now())
  return current === undefined ? 1 : 0
}

function printStatus(terminal: Terminal, current: StackStatus, now: number): void {
  terminal.print(
    `${current.pageUrl}  ${current.phase}, supervised by process ${current.supervisorPid}`,
  )
  for (const line of statusTable(current.processes, now)) terminal.print(line)
}

/** One line a process, columns aligned. */
export function statusTable(processes: readonly ProcessLine[], now: number): string[] {
  const rows = [
    ['NAME', 'STATE', 'PID', 'RESTARTS', 'SINCE', ''],
    ...processes.map((line) => [
      line.name,
      line.state,
      String(line.pid ?? '-'),
      String(line.restarts),
      formatDuration(now - line.since),
      noteOn(line),
    ]),
  ]
  const widths = [0, 1, 2, 3, 4].map((column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  )
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

function noteOn({ name, state, deaths, lastExit, detail }: ProcessLine): string {
  if (state === 'running' || state === 'stopped') return ''
  const ended = lastExit === null ? '' : `last ended with ${lastExit}`
  if (deaths >= crashLoopDeaths) return `crash loop: ${ended}; see \`faultline logs ${name}\``
  return detail ?? ended
}
