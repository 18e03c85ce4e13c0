import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { processorSeconds } from '../end-to-end/processor-time.ts'

const pollMs = 20

interface Work {
  readonly records: number
  /** How many of them are done. */
  readonly done: () => Promise<number>
  /** Whose processor time is counted, by name. */
  readonly pids: ReadonlyMap<string, number>
  /** Throws where whoever works has ended. */
  readonly assertRunning: () => void
}

/** How a backlog was worked off. The second half leaves out starts, and code that is not compiled yet. */
export interface Halves {
  /** Over all of it, from the call on. */
  readonly perSecond: number
  readonly secondHalfPerSecond: number
  /** Processor time of each process in the second half, µs a record. */
  readonly cpuUs: Readonly<Record<string, number>>
  /** Share of all processors that anybody used in the second half. */
  readonly busy: number
}

interface Moment {
  readonly atMs: number
  readonly done: number
  readonly cpu: ReadonlyMap<string, number>
  readonly busySeconds: number
}

/** Waits until all is done. */
export async function workOff({ records, done, pids, assertRunning }: Work): Promise<Halves> {
  const startedMs = performance.now()
  const reach = async (goal: number): Promise<Moment> => {
    for (;;) {
      const count = await done()
      if (count >= goal) return { ...(await moment(pids)), done: count }
      assertRunning()
      await delay(pollMs)
    }
  }
  const half = await reach(records / 2)
  const end = await reach(records)
  const seconds = (end.atMs - half.atMs) / 1_000
  const count = end.done - half.done
  const cpuUs = [...pids.keys()].map((name) => {
    const used = (end.cpu.get(name) ?? 0) - (half.cpu.get(name) ?? 0)
    return [name, Math.round((used / count) * 1e7) / 10] as const
  })
  const available = seconds * availableParallelism()
  return {
    perSecond: Math.round((records / (end.atMs - startedMs)) * 1_000),
    secondHalfPerSecond: Math.round(count / seconds),
    cpuUs: Object.fromEntries(cpuUs),
    busy: Math.round(((end.busySeconds - half.busySeconds) / available) * 100) / 100,
  }
}

async function moment(pids: ReadonlyMap<string, number>): Promise<Omit<Moment, 'done'>> {
  const [cpu, busySeconds] = await Promise.all([processorSeconds(pids), machineBusySeconds()])
  return { atMs: performance.now(), cpu, busySeconds }
}

/** Seconds of all processors that were not idle, by anybody on the machine. */
async function machineBusySeconds(): Promise<number> {
  const [, ...times] = ((await readFile('/proc/stat', 'latin1')).split('\n')[0] ?? '').split(/\s+/)
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0] = times.map(Number)
  return (user + nice + system + irq + softIrq) / 100
}
