import { timeLeft } from '@faultline/runtime/lifecycle'
import type { RebuildResult, RebuildStage } from './rebuild.ts'

const numbers = new Intl.NumberFormat('en')

/** How far it is, with an estimate of the time left. */
export function describeProgress(
  stage: RebuildStage,
  at: { readonly done: number; readonly of: number | null; readonly elapsedMs: number },
): string {
  const { done, of, elapsedMs } = at
  if (of === null) return done === 0 ? stage : `${stage}: ${numbers.format(done)} commands`
  const estimate = timeLeft({ done, of, elapsedMs })
  return `${stage}: ${numbers.format(done)} of ${numbers.format(of)} offsets${estimate}`
}

export function describeResult(result: RebuildResult): string {
  const { outcome, generation, audit } = result
  if (outcome === 'swapped-before') {
    return `Generation ${generation} serves already: the run that built it was interrupted before it could say so.`
  }
  if (outcome === 'differs') {
    const first = audit?.differences.map(
      ({ key, field, expected, actual }) =>
        `  ${key} ${field}: ${actual ?? 'missing'} instead of ${expected ?? 'nothing'}`,
    )
    return [
      `The new generation is not what the topic says (${audit?.differenceCount ?? 0} differences); the live one serves as before.`,
      ...(first ?? []),
    ].join('\n')
  }
  const times = Object.entries(result.seconds).map(([stage, s]) => `${stage} ${s.toFixed(1)} s`)
  const what =
    audit === null
      ? 'A verified generation of an interrupted run'
      : `${numbers.format(result.records)} records of ${numbers.format(result.devices)} devices`
  return [
    `Redis is rebuilt: ${what}, generation ${generation} (${times.join(', ')}).`,
    '  The former generation is kept: `--rollback` lets it serve again, `--discard` frees its memory.',
  ].join('\n')
}
