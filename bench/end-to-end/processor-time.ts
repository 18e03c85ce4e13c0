import { readdir, readFile } from 'node:fs/promises'

/** Seconds of processor time a kernel tick stands for in /proc; Linux has said 100 a second since it has had /proc. */
const tickSeconds = 0.01

interface ProcessTime {
  readonly parent: number
  readonly seconds: number
}

async function processTime(pid: string): Promise<ProcessTime | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => null)
  if (stat === null) return null
  // The name is in parentheses and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = [11, 12, 13, 14].map((at) => Number(fields[at])).reduce((sum, n) => sum + n, 0)
  return { parent: Number(fields[1]), seconds: ticks * tickSeconds }
}

type ProcessTimes = ReadonlyMap<number, ProcessTime>

async function processTimes(): Promise<ProcessTimes> {
  const found = new Map<number, ProcessTime>()
  for (const name of await readdir('/proc')) {
    const time = /^\d+$/.test(name) ? await processTime(name) : null
    if (time !== null) found.set(Number(name), time)
  }
  return found
}

/** The root itself counts as below it. */
function isBelow(found: ProcessTimes, pid: number, root: number): boolean {
  const parent = found.get(pid)?.parent ?? 0
  return pid === root || (parent > 1 && isBelow(found, parent, root))
}

/** Seconds of processor time of each process and all its descendants so far, those that ended included. Linux only. */
export async function processorSeconds(
  pids: ReadonlyMap<string, number>,
): Promise<ReadonlyMap<string, number>> {
  const found = await processTimes()
  const entries = [...pids].map(([name, root]) => {
    const own = [...found].filter(([pid]) => isBelow(found, pid, root))
    return [name, own.reduce((sum, [, { seconds }]) => sum + seconds, 0)] as const
  })
  return new Map(entries)
}

/** Pid of the process below `root` whose command line holds `text`. Linux only. @throws Error where there is none */
export async function descendant(root: number, text: string): Promise<number> {
  const found = await processTimes()
  for (const pid of found.keys()) {
    if (!isBelow(found, pid, root)) continue
    const command = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '')
    if (command.includes(text)) return pid
  }
  throw new Error(`no process below ${root} runs ${text}`)
}
