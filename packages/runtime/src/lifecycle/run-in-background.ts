import type { ProcessContext } from './run-process.ts'

interface Background {
  readonly name: string
  /** Of the signal by which the loops know that they have to end. */
  readonly stopping: AbortController
  readonly loops: readonly Promise<unknown>[]
}

/**
 * Lets loops run beside everything else until the scope stops, which then waits for their end. What a loop throws before that
 * ends the process; afterwards it is how loops end. To be called when all that they use has started: they are stopped first.
 */
export function runInBackground(
  context: Pick<ProcessContext, 'scope' | 'fail'>,
  { name, stopping, loops }: Background,
): void {
  for (const loop of loops) {
    loop.catch((error: unknown) => {
      if (!stopping.signal.aborted) context.fail(error)
    })
  }
  context.scope.defer(name, async () => {
    stopping.abort(new Error('stopping'))
    await Promise.allSettled(loops)
  })
}
