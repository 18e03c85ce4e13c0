import type { Clock } from '@faultline/runtime/clock'
import type { RebuildResult, RebuildStage } from './rebuild.ts'

const numbers = new Intl.NumberFormat('en')
const showAfterMs = 1_000

/** A line on a terminal that says how far the rebuild is, and an estimate of the time left; nothing elsewhere. */
export function progressLine(
  output: { readonly isTTY?: boolean; write(text: string): unknown },
  clock: Clock,
) {
  const start = clock.now()
  let isShown = false
  return {
    show: (stage: RebuildStage, done: number, of: number | null): void => {
      const elapsedMs = clock.now() - start
      if (output.isTTY !== true || elapsedMs < showAfterMs) return
      isShown = true
      output.write(`\r\u001b[2K${describeProgress(stage, { done, of, elapsedMs })}`)
    },
    clear: (): void => {
      if (isShown) output.write('\r\u001b[2K')
      isShown = false
    },
  }
}

function describeProgress(
  stage: RebuildStage,
  at: { readonly done: number; readonly of: number | null; readonly elapsedMs: number },
): string {
  const { done, of, elapsedMs } = at
  if (of === null) return done === 0 ? stage : `${stage}: ${numbers.format(done)} commands`
  const left = done === 0 ? null : Math.ceil(((of - done) * elapsedMs) / done / 1_000)
  const estimate = left === null ? '' : `, about ${left} s left`
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
