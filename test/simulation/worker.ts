import { parentPort, workerData } from 'node:worker_threads'
import type { FaultKind } from './fault-plan.ts'
import { runSeed } from './run-seed.ts'
import { Tally } from './tally.ts'

interface Share {
  readonly first: number
  readonly step: number
  readonly end: number
  readonly kinds: readonly FaultKind[]
}

export type Report =
  | { readonly kind: 'violations'; readonly seed: number; readonly violations: readonly string[] }
  | {
      readonly kind: 'counts'
      readonly seeds: number
      readonly rows: number
      readonly events: number
      readonly recoveryMs: number
      readonly tally: ReadonlyMap<string, number>
    }

const reportEvery = 100

const { first, step, end, kinds } = workerData as Share
const send = (report: Report): void => {
  parentPort?.postMessage(report)
}

// Errors are part of the ordinary here, and thrown by the thousand: a replay has their stacks.
Error.stackTraceLimit = 0

let current = first
process.on('unhandledRejection', (reason) => {
  const text = reason instanceof Error ? reason.message : String(reason)
  send({ kind: 'violations', seed: current, violations: [`I14 unhandled rejection: ${text}`] })
})

let counts = { seeds: 0, rows: 0, events: 0, recoveryMs: 0 }
let tally = new Tally()
function sendCounts(): void {
  send({ kind: 'counts', ...counts, tally: tally.counts })
  counts = { seeds: 0, rows: 0, events: 0, recoveryMs: 0 }
  tally = new Tally()
}

for (; current < end; current += step) {
  const result = await runSeed(current, { kinds })
  counts.seeds += 1
  counts.rows += result.rows
  counts.events += result.events
  counts.recoveryMs = Math.max(counts.recoveryMs, result.recoveryMs)
  for (const [name, count] of result.tally) tally.add(name, count)
  if (result.violations.length > 0) {
    send({ kind: 'violations', seed: current, violations: result.violations })
  }
  if (counts.seeds === reportEvery) {
    sendCounts()
    // Ticks alone never let the messages out.
    await new Promise((resolve) => setImmediate(resolve))
  }
}
sendCounts()
