import { environment, otherEnvironment } from '@faultline/contracts/environment'
import { FaultlineError } from '@faultline/runtime/errors'

const prefix = 'FAULTLINE_'
const known: readonly string[] = [
  ...Object.values(environment),
  ...Object.values(otherEnvironment),
].filter((name) => name.startsWith(prefix))

/**
 * A misspelt FAULTLINE_ name would be ignored in silence, and the wrong stack started.
 * @throws FaultlineError ARGUMENT_INVALID with the nearest known name
 */
export function checkEnvironmentNames(env: Readonly<Record<string, string | undefined>>): void {
  const unknown = Object.keys(env).find((name) => name.startsWith(prefix) && !known.includes(name))
  if (unknown === undefined) return
  const nearest = known.toSorted((a, b) => editDistance(unknown, a) - editDistance(unknown, b))[0]
  throw new FaultlineError(
    'ARGUMENT_INVALID',
    `the environment variable ${unknown} is not known; did you mean ${nearest ?? 'another one'}?`,
    { remedy: `Rename or unset it. Known names: ${known.join(', ')}.` },
  )
}

/** Insertions, deletions and replacements that turn one text into the other. */
export function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = (previous[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1)
      const shorter = Math.min(previous[column] ?? 0, current[column - 1] ?? 0) + 1
      current.push(Math.min(replaced, shorter))
    }
    previous = current
  }
  return previous[to.length] ?? 0
}
